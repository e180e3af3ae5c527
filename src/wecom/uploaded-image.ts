/** A picture as the uploads of the app and of the long connection take it (wecom-protocol 3.5, 5.7). */
export interface UploadedImage {
  mimeType: "image/jpeg" | "image/png";
  base64: string;
  /** Of the raw bytes, hex. */
  md5: string;
}

/** Its file name, which the receiver sees when they keep it. */
export function imageName(mimeType: UploadedImage["mimeType"]): string {
  return mimeType === "image/png" ? "picture.png" : "picture.jpg";
}
