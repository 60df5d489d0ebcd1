// Opening what wx.getUserInfo, the phone button and the rest hand to a page: AES-128-CBC, PKCS#7, JSON.

import { createDecipheriv } from "node:crypto";

/** Not something WeChat would make for this app and this person. */
export class BadPayload extends Error {}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** `encryptedData` and `iv` of a request, decoded and of legal length. */
export function sealedFrom(body) {
  const [ciphertext, iv] = ["encryptedData", "iv"].map((name) => {
    const text = body[name];
    if (typeof text !== "string" || !BASE64.test(text)) throw new BadPayload(`${name} must be base64`);
    return Buffer.from(text, "base64");
  });
  if (iv.length !== 16 || ciphertext.length === 0 || ciphertext.length % 16 !== 0) {
    throw new BadPayload("encryptedData or iv has a wrong length");
  }
  return { ciphertext, iv };
}

/**
 * The data, or null if this key does not open it. A wrong key passes the padding check once in 256 times, so only
 * JSON counts.
 */
export function open({ ciphertext, iv }, sessionKey) {
  try {
    const decipher = createDecipheriv("aes-128-cbc", Buffer.from(sessionKey, "base64"), iv);
    const plain = Buffer.concat([decipher.update(ciphertext), decipher.final()]);
    const data = JSON.parse(plain.toString("utf8"));
    return data !== null && typeof data === "object" && !Array.isArray(data) ? data : null;
  } catch {
    return null;
  }
}

/** How far the moment in a watermark may be from now, in seconds: ten minutes either way, since clocks differ. */
const FRESH_FOR_S = 600;

/** CBC is not authenticated, so the data must say itself whose it is, and when it was made: what somebody kept is refused. */
export function checkOwner(data, appid, openid) {
  if (data.watermark?.appid !== appid) throw new BadPayload("payload of another app");
  if ("openId" in data && data.openId !== openid) throw new BadPayload("payload of another person");
  const made = data.watermark.timestamp;
  if (typeof made === "number" && Math.abs(Date.now() / 1000 - made) > FRESH_FOR_S) {
    throw new BadPayload("payload of another time");
  }
}
