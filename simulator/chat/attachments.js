import { announce, toast } from "./announce.js";
import { uploadMedia } from "./api.js";
import { byId, el, syncList } from "./dom.js";
import { explain } from "./explain.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";
import { formatBytes } from "./media-plan.js";
import { mediaNode } from "./media-view.js";

/**
 * Files that were chosen, pasted or dropped and wait above the box until the message is sent.
 * @import { Media } from "./types.d.ts"
 */

/** @typedef {{ key: number, name: string, media?: Media }} Attachment `media` is there once the simulator has the file */

const FILES_MAX = 9;
/** What the simulator takes. */
const BYTES_MAX = 20 * 1024 * 1024;

let serial = 0;

export class Attachments {
  #tray = byId("attachments", HTMLElement);
  #picker = byId("attach-input", HTMLInputElement);
  /** @type {() => void} */ #changed;
  /** @type {Attachment[]} */ #list = [];

  /** @param {() => void} changed what waits has changed, or has arrived */
  constructor(changed) {
    this.#changed = changed;
    byId("attach", HTMLButtonElement).addEventListener("click", () => this.#picker.click());
    this.#picker.addEventListener("change", () => {
      this.add([...(this.#picker.files ?? [])]);
      // the same file can be chosen again
      this.#picker.value = "";
    });
  }

  /** What has arrived, in order. */
  get media() {
    return this.#list.flatMap(({ media }) => media ?? []);
  }

  /** Whether a file is still on its way to the simulator. */
  get busy() {
    return this.#list.some(({ media }) => media === undefined);
  }

  /** For a draft. */
  get list() {
    return this.#list;
  }

  set list(list) {
    this.#list = list;
    this.#draw();
  }

  /** @param {File[]} files */
  add(files) {
    const room = FILES_MAX - this.#list.length;
    if (files.length > room) toast(t("attachTooMany", { max: FILES_MAX }), "bad");
    for (const file of files.slice(0, Math.max(0, room))) {
      if (file.size > BYTES_MAX || file.size === 0) {
        toast(t("attachSize", { name: file.name, max: formatBytes(BYTES_MAX) }), "bad");
        continue;
      }
      /** @type {Attachment} */
      const attachment = { key: ++serial, name: file.name };
      this.#list = [...this.#list, attachment];
      void this.#upload(attachment, file);
    }
    this.#draw();
  }

  /**
   * @param {Attachment} attachment
   * @param {File} file
   */
  async #upload(attachment, file) {
    try {
      const { media } = await uploadMedia(file);
      attachment.media = media;
      announce(t("attached", { name: file.name }));
    } catch (error) {
      this.#remove(attachment);
      toast(`${file.name}: ${explain(error)}`, "bad");
    }
    this.#draw();
  }

  /** @param {Attachment} attachment */
  #remove(attachment) {
    this.#list = this.#list.filter((other) => other !== attachment);
    this.#draw();
  }

  #draw() {
    this.#tray.hidden = this.#list.length === 0;
    syncList(this.#tray, this.#list, {
      key: ({ key, media }) => `${key} ${media === undefined}`,
      make: (attachment) => this.#make(attachment),
    });
    this.#changed();
  }

  /** @param {Attachment} attachment */
  #make(attachment) {
    const { name, media } = attachment;
    return el(
      "li",
      { class: "attachment", "data-testid": "attachment" },
      media === undefined ? el("span", { class: "spinner", "aria-label": t("sending") }) : mediaNode(media),
      el(
        "button",
        {
          type: "button",
          class: "attachment-remove",
          "aria-label": t("attachRemove", { name }),
          title: t("attachRemove", { name }),
          "data-testid": "attachment-remove",
          onclick: () => {
            this.#remove(attachment);
            byId("input", HTMLElement).focus();
          },
        },
        icon("close"),
      ),
    );
  }
}
