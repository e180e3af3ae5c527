import { deflateSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import sharp, { type Sharp } from "sharp";
import { YingdaError } from "../../src/base/errors.ts";
import { detectFileType } from "../../src/media/file-type.ts";
import { imageTokens, prepareImage } from "../../src/media/image.ts";
import { bmpOf, pngThatSays } from "../support/images.ts";

const signal = AbortSignal.timeout(60_000);

function plain(width: number, height: number, background = "#c04020"): Sharp {
  return sharp({ create: { width, height, channels: 3, background } });
}

function noise(width: number, height: number): Sharp {
  return sharp({
    create: { width, height, channels: 3, background: "white", noise: { type: "gaussian", mean: 128, sigma: 60 } },
  });
}

async function outcome(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "prepared";
  } catch (error) {
    if (!(error instanceof YingdaError)) throw error;
    return `${error.code} ${error.details.reason ?? ""}`;
  }
}

describe("an image for the model", () => {
  test.each(["jpeg", "png", "gif", "webp"] as const)(
    "%s, large, becomes small enough and keeps its proportions",
    async (format) => {
      const bytes = await plain(3_000, 1_500).toFormat(format).toBuffer();
      const prepared = await prepareImage(bytes, { signal, sidePixelsMax: 600 });
      expect([prepared.width, prepared.height]).toEqual([600, 300]);
      expect(detectFileType(prepared.bytes, null)).toBe(prepared.mimeType.slice("image/".length));
    },
  );

  test("a small one keeps its size", async () => {
    const { width, height, mimeType } = await prepareImage(await plain(30, 20).jpeg().toBuffer(), { signal });
    expect([width, height, mimeType]).toEqual([30, 20, "image/jpeg"]);
  });

  test("a screenshot stays a PNG, a photo in PNG that does not fit becomes a JPEG that does", async () => {
    expect((await prepareImage(await plain(800, 600).png().toBuffer(), { signal })).mimeType).toBe("image/png");
    const photo = await prepareImage(await noise(800, 600).png().toBuffer(), { signal, bytesMax: 60_000 });
    expect([photo.mimeType, photo.bytes.length <= 60_000]).toEqual(["image/jpeg", true]);
  });

  test("transparency stays, or becomes white where it cannot", async () => {
    const clear = { create: { width: 400, height: 300, channels: 3 as const, background: "black" } };
    const alpha = await sharp(clear).extractChannel(0).raw().toBuffer();
    const one = { raw: { width: 400, height: 300, channels: 1 as const } };
    const webp = await noise(400, 300).joinChannel(alpha, one).webp({ exact: true, lossless: true }).toBuffer();
    const kept = await prepareImage(webp, { signal });
    expect([kept.mimeType, (await sharp(kept.bytes).metadata()).hasAlpha]).toEqual(["image/png", true]);
    const flat = await prepareImage(webp, { signal, bytesMax: 20_000 });
    expect([flat.mimeType, (await sharp(flat.bytes).stats()).channels[0]?.mean]).toEqual(["image/jpeg", 255]);
  });

  test("it is turned as its EXIF says, and says nothing of where it was taken", async () => {
    const exif = {
      IFD0: { Copyright: "canary-copyright" },
      IFD3: { GPSLatitudeRef: "N", GPSLatitude: "51/1 30/1 3230/100" },
    };
    const bytes = await plain(200, 100).withExif(exif).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const tagged = await sharp(bytes).withExif(exif).keepMetadata().jpeg().toBuffer();
    expect((await sharp(tagged).metadata()).orientation).toBe(6);
    expect((await sharp(tagged).metadata()).exif?.toString("latin1")).toContain("canary");
    const prepared = await prepareImage(tagged, { signal });
    const { exif: left, icc, xmp, iptc, orientation } = await sharp(prepared.bytes).metadata();
    expect([prepared.width, prepared.height, left, icc, xmp, iptc, orientation]).toEqual([
      100,
      200,
      ...new Array(5).fill(undefined),
    ]);
    expect(prepared.bytes.toString("latin1")).not.toContain("canary");
  });

  test("of an animation the first frame", async () => {
    const frames = [Buffer.alloc(48, 0), Buffer.alloc(48, 255)].map((data) => ({
      data,
      at: { width: 4, height: 4, channels: 3 as const },
    }));
    const images = await Promise.all(frames.map(({ data, at }) => sharp(data, { raw: at }).png().toBuffer()));
    const gif = await sharp(images, { join: { animated: true } })
      .gif({ loop: 0 })
      .toBuffer();
    expect((await sharp(gif, { animated: true }).metadata()).pages).toBe(2);
    const { bytes, width, height } = await prepareImage(gif, { signal });
    expect([width, height, (await sharp(bytes).stats()).channels[0]?.mean]).toEqual([4, 4, 0]);
  });

  test.each([24, 32])("a Windows bitmap of %i bits is read, also from the top down", async (bits) => {
    const pixels = [
      [255, 0, 0],
      [0, 255, 0],
      [0, 0, 255],
      [9, 8, 7],
      [6, 5, 4],
      [3, 2, 1],
    ] as const;
    for (const topDown of [false, true]) {
      const { bytes, width, height } = await prepareImage(bmpOf(3, 2, pixels, { bits, topDown }), { signal });
      expect([width, height, [...(await sharp(bytes).raw().toBuffer())]]).toEqual([3, 2, pixels.flat()]);
    }
  });

  test.each<[string, (source: Sharp) => Sharp]>([
    ["grey", (source) => source.greyscale().jpeg()],
    ["16 bits", (source) => source.toColourspace("rgb16").png()],
    ["CMYK", (source) => source.toColourspace("cmyk").jpeg()],
    ["interlaced", (source) => source.png({ progressive: true })],
  ])("%s is understood", async (_name, made) => {
    const { bytes, width, height } = await prepareImage(await made(noise(64, 64)).toBuffer(), { signal });
    expect([width, height, (await sharp(bytes).metadata()).depth]).toEqual([64, 64, "uchar"]);
  });
});

describe("what is no image, or a dangerous one", () => {
  test.each([
    ["a text", Buffer.from("hello")],
    ["SVG", Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>')],
    ["TIFF", Buffer.from("II*\0")],
    ["PDF", Buffer.from("%PDF-1.7")],
    ["nothing", Buffer.alloc(0)],
  ])("%s is refused by its bytes", async (_name, bytes) => {
    expect(await outcome(prepareImage(bytes, { signal }))).toBe("media_unreadable type");
  });

  test("an SVG is not opened even if it came that far", async () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>';
    await expect(sharp(Buffer.from(svg)).png().toBuffer()).rejects.toThrow();
  });

  test("a PNG of 50,000 by 50,000 pixels is refused without being unpacked", async () => {
    const bomb = pngThatSays(50_000, 50_000, deflateSync(Buffer.alloc(1_000_000)));
    expect(bomb.length).toBeLessThan(10_000);
    const before = process.memoryUsage.rss();
    expect(await outcome(prepareImage(bomb, { signal }))).toBe("media_too_large pixels");
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024);
  });

  test("a bitmap that says it is larger than it is is refused", async () => {
    const bmp = bmpOf(2, 1, [
      [1, 2, 3],
      [4, 5, 6],
    ]);
    for (const [offset, value] of [
      [18, 0x7fffffff],
      [22, -0x80000000],
      [10, 0xffff],
      [14, 12],
    ] as const) {
      const changed = Buffer.from(bmp);
      changed.writeInt32LE(value, offset);
      expect(await outcome(prepareImage(changed, { signal }))).toBe("media_unreadable bmp");
    }
  });

  test("a cut or changed image gives a smaller picture or an error of ours, and never ends the process", async () => {
    const originals = await Promise.all([
      noise(64, 64).jpeg().toBuffer(),
      noise(64, 64).png().toBuffer(),
      noise(64, 64).webp().toBuffer(),
    ]);
    const broken = fc.record({
      bytes: fc.constantFrom(...originals),
      keep: fc.double({ min: 0.05, max: 1, noNaN: true }),
      flips: fc.array(fc.tuple(fc.nat(20_000), fc.nat(255)), { maxLength: 5 }),
    });
    await fc.assert(
      fc.asyncProperty(broken, async ({ bytes, keep, flips }) => {
        const changed = Buffer.from(bytes.subarray(0, Math.ceil(bytes.length * keep)));
        for (const [at, value] of flips) changed[at % changed.length] = value;
        expect(await outcome(prepareImage(changed, { signal }))).toMatch(
          /^(prepared|media_(unreadable|too_large) \w+)$/,
        );
      }),
      { numRuns: 200 },
    );
  });

  test("who gave up does not have the image prepared", async () => {
    const stop = AbortSignal.abort(new YingdaError("turn_stopped", "stopped"));
    await expect(prepareImage(await plain(9, 9).png().toBuffer(), { signal: stop })).rejects.toMatchObject({
      code: "turn_stopped",
    });
  });
});

describe("the tokens of an image", () => {
  test.each([
    [28, 28, 3],
    [1, 1, 3],
    [1568, 1568, 3138],
    [1568, 784, 1570],
  ])("%i by %i pixels are %i", (width, height, tokens) => {
    expect(imageTokens(width, height)).toBe(tokens);
  });
});
