import type { AccessTokens } from "./access-tokens.ts";
import type { ApiCall, ApiRoute } from "./api-server.ts";
import type { Directory } from "./directory.ts";
import { Refusal } from "./errcodes.ts";
import { downloadMedia, UPLOAD_BODY_BYTES_MAX, uploadMedia } from "./media-api.ts";
import type { MediaStore } from "./media-store.ts";
import type { MessageApi } from "./message-api.ts";
import type { ResponseUrls } from "./response-urls.ts";
import type { JsonObject } from "./values.ts";

export interface ApiRouteParts {
  corpId: string;
  appSecret: string;
  tokens: AccessTokens;
  directory: Directory;
  media: MediaStore;
  messageApi: MessageApi;
  responseUrls: ResponseUrls;
  nowMs: () => number;
}

/** Fits mpnews with eight long articles (wecom-protocol 3.2), the largest JSON that the active API takes. */
const JSON_BODY_BYTES_MAX = 8 * 1024 * 1024;
/** Where callbacks come from, as `getcallbackip` words it: single addresses and patterns. */
const CALLBACK_IPS = ["127.0.0.1", "198.51.100.*"];

/** The calls of the active API by their path below `/cgi-bin/` (wecom-protocol 3, 4.9, 10). */
export function apiRoutes(parts: ApiRouteParts): Map<string, ApiRoute> {
  const { media, messageApi, responseUrls, nowMs } = parts;
  const get = (answer: ApiRoute["answer"], token = true): ApiRoute => ({
    method: "GET",
    token,
    bodyBytesMax: 0,
    answer,
  });
  const post = (answer: ApiRoute["answer"], token = true): ApiRoute => ({
    method: "POST",
    token,
    bodyBytesMax: JSON_BODY_BYTES_MAX,
    answer,
  });
  return new Map([
    ["gettoken", get((call) => getToken(parts, call), false)],
    ["user/get", get((call) => getUser(parts.directory, call))],
    ["getcallbackip", get(() => ({ ip_list: CALLBACK_IPS }))],
    ["get_api_domain_ip", get(() => ({ ip_list: ["127.0.0.1"] }))],
    ["media/get", get((call) => downloadMedia(media, call.query.get("media_id"), call.headers.range))],
    ["message/send", post((call) => send(messageApi, call))],
    ["message/update_template_card", post((call) => messageApi.updateTemplateCard(call.body))],
    ["message/recall", post((call) => messageApi.recall(call.body))],
    ["aibot/response", post((call) => respond(responseUrls, call), false)],
    [
      "media/upload",
      {
        ...post((call) => uploadMedia(media, call.query.get("type"), call.headers, call.body, nowMs())),
        bodyBytesMax: UPLOAD_BODY_BYTES_MAX,
      },
    ],
  ]);
}

function getToken(parts: ApiRouteParts, call: ApiCall): JsonObject {
  const corpId = call.query.get("corpid") ?? "";
  const secret = call.query.get("corpsecret") ?? "";
  if (corpId === "") throw new Refusal(41002);
  if (secret === "") throw new Refusal(41004);
  if (corpId !== parts.corpId) throw new Refusal(40013);
  if (secret !== parts.appSecret) throw new Refusal(40001);
  const { accessToken, expiresInSeconds, serial } = parts.tokens.issue(parts.nowMs());
  call.note.tokenSerial = serial;
  return { access_token: accessToken, expires_in: expiresInSeconds };
}

/** Without the private fields that an app made since 2022-06-20 does not get (wecom-protocol 3.7). */
function getUser(directory: Directory, call: ApiCall): JsonObject {
  const userId = call.query.get("userid") ?? "";
  if (userId === "") throw new Refusal(40035);
  const member = directory.find(userId);
  if (member === undefined || member.status === 5) throw new Refusal(60111);
  if (member.visible === false) throw new Refusal(60011);
  const departments = member.departments ?? [1];
  return {
    userid: member.userId,
    name: member.name,
    department: departments,
    order: departments.map(() => 0),
    position: "",
    is_leader_in_dept: departments.map(() => 0),
    direct_leader: [],
    main_department: departments[0] ?? 1,
    alias: "",
    telephone: "",
    status: member.status ?? 1,
    enable: 1,
    extattr: { attrs: [] },
  };
}

function send(messageApi: MessageApi, call: ApiCall): JsonObject {
  const answer = messageApi.send(call.body);
  call.note.messageId = String(answer.msgid);
  return answer;
}

function respond(responseUrls: ResponseUrls, call: ApiCall): JsonObject {
  Object.assign(call.note, responseUrls.respond(call.query.get("response_code"), call.body));
  return {};
}
