import { withButtonsReplaced } from "./cards.ts";
import { APP_TEXT_BYTES_MAX } from "./message-payload.ts";
import { type CallbackKeys, decrypt, sign } from "./platform-crypto.ts";
import type { AppMessage, ViolationRule } from "./platform-types.ts";
import { cutUtf8, type JsonObject, objectOr, stringOr, utf8Bytes } from "./values.ts";
import { parseXml } from "./xml.ts";

/** What the answer to an app callback means: nothing, a passive message, or another face for the clicked card. */
export interface AppReply {
  plain: string;
  breaches: { rule: ViolationRule; detail: string }[];
  shown?: { msgtype: string; text: string; cut?: AppMessage["cut"] };
  card?: (clicked: JsonObject) => JsonObject;
}

const MESSAGE_TYPES = ["text", "image", "voice", "video", "news"];

/** Reads the body of a 200 (wecom-protocol 1.7, 2.1, 2.4): empty, `success`, or an encrypted XML packet. */
export function readAppReply(body: string, keys: CallbackKeys): AppReply {
  if (body === "" || body === "success") return { plain: body, breaches: [] };
  const packet = parseXml(body);
  if (packet === undefined) {
    return broken(body, "packet_not_xml", "the body is neither empty, nor `success`, nor an XML packet");
  }
  const [ciphertext, signature, timestamp, nonce] = ["Encrypt", "MsgSignature", "TimeStamp", "Nonce"].map((name) =>
    stringOr(packet[name]),
  );
  if (!ciphertext || !signature || !timestamp || !nonce) {
    return broken(body, "packet_fields_missing", "Encrypt, MsgSignature, TimeStamp and Nonce are all required");
  }
  if (sign(keys.token, timestamp, nonce, ciphertext) !== signature) {
    return broken(body, "packet_signature", "MsgSignature does not fit");
  }
  let opened: { message: string; receiveId: string };
  try {
    opened = decrypt(keys.aesKey, ciphertext);
  } catch {
    return broken(body, "packet_undecryptable", "Encrypt cannot be opened");
  }
  if (opened.receiveId !== keys.receiveId) {
    return broken(opened.message, "packet_receiver", "the receiveid is not the corpid");
  }
  const reply = parseXml(opened.message);
  if (reply === undefined) return broken(opened.message, "reply_malformed", "the reply is no XML document");
  return readPassive(opened.message, reply);
}

function readPassive(plain: string, reply: JsonObject): AppReply {
  const msgtype = stringOr(reply.MsgType);
  if (msgtype === "update_button") {
    const name = stringOr(objectOr(reply.Button).ReplaceName);
    return { plain, breaches: [], card: (clicked) => withButtonsReplaced(clicked, name) };
  }
  if (msgtype === "update_template_card") {
    const card = objectOr(reply.TemplateCard);
    const title = objectOr(card.MainTitle);
    return {
      plain,
      breaches: [],
      card: (clicked) => ({
        card_type: stringOr(card.CardType),
        task_id: clicked.task_id,
        main_title: { title: stringOr(title.Title), desc: stringOr(title.Desc) },
        sub_title_text: stringOr(card.SubTitleText),
      }),
    };
  }
  if (!MESSAGE_TYPES.includes(msgtype)) return broken(plain, "reply_not_allowed", "this MsgType is no passive reply");
  if (msgtype !== "text") return { plain, breaches: [], shown: { msgtype, text: `[${msgtype}]` } };
  const sent = stringOr(reply.Content);
  const text = cutUtf8(sent, APP_TEXT_BYTES_MAX);
  if (text === sent) return { plain, breaches: [], shown: { msgtype, text } };
  const cut = { sentBytes: utf8Bytes(sent), shownBytes: utf8Bytes(text) };
  return {
    plain,
    breaches: [{ rule: "text_cut", detail: `a passive text of ${cut.sentBytes} bytes was cut to ${cut.shownBytes}` }],
    shown: { msgtype, text, cut },
  };
}

function broken(plain: string, rule: ViolationRule, detail: string): AppReply {
  return { plain, breaches: [{ rule, detail }] };
}
