import fc from "fast-check";
import { creditCheckCharacter, idCheckCharacter, passesLuhn } from "../../src/moderation/personal-data/checksums.ts";
import type { PersonalKind } from "../../src/moderation/personal-data/kinds.ts";
import { type PersonalFinding, PersonalScan } from "../../src/moderation/personal-data/personal-scan.ts";

/** Makers of valid numbers, and of texts around them. Nothing here belongs to anybody. */

export function scanned(...pieces: string[]): PersonalFinding[] {
  const scan = new PersonalScan();
  for (const piece of pieces) scan.push(piece);
  scan.end();
  return scan.findings();
}

/** What was found, as `kind: text`. */
export function found(text: string): string[] {
  return scanned(text).map(({ kind, start, end }) => `${kind}: ${text.slice(start, end)}`);
}

export function withLuhn(digits: string): string {
  const check = Array.from("0123456789").find((digit) => passesLuhn(digits + digit));
  return digits + check;
}

/** `count` digits. */
export const digits = (count: number) =>
  fc.array(fc.integer({ min: 0, max: 9 }), { minLength: count, maxLength: count }).map((values) => values.join(""));

const REGIONS = ["110101", "310104", "440305", "510107", "650102", "330106", "230102", "810000", "542421", "130503"];

export const idNumber = fc
  .tuple(
    fc.constantFrom(...REGIONS),
    fc.date({ min: new Date("1940-01-01"), max: new Date("2015-12-31"), noInvalidDate: true }),
    digits(3),
  )
  .map(([region, day, serial]) => {
    const body = region + day.toISOString().slice(0, 10).replaceAll("-", "") + serial;
    return body + idCheckCharacter(body);
  });

export const cardNumber = fc
  .oneof(
    fc.tuple(fc.constantFrom("621226", "622848", "621700", "623058"), digits(12)),
    fc.tuple(fc.constantFrom("625965", "622155"), digits(9)),
  )
  .map((parts) => withLuhn(parts.join("")));

export const creditCode = fc
  .tuple(
    fc.constantFrom("91", "92", "12", "51", "93"),
    fc.constantFrom("110108", "310115", "440300", "100000"),
    fc.array(fc.constantFrom(..."0123456789ABCDEFGHJKLMNPQRTUWXY"), { minLength: 9, maxLength: 9 }),
  )
  .map(([department, area, body]) => {
    const code = department + area + body.join("");
    return code + creditCheckCharacter(code);
  });

const SEGMENTS =
  "130 131 135 138 139 145 147 150 152 158 159 166 171 173 177 178 180 185 188 189 191 195 198 199".split(" ");
export const mobileNumber = fc.tuple(fc.constantFrom(...SEGMENTS), digits(8)).map((parts) => parts.join(""));

export function fullWidth(text: string): string {
  return text.replaceAll(/[!-~]/g, (character) => String.fromCharCode(character.charCodeAt(0) + 0xfee0));
}

export function inChinese(number: string): string {
  return number.replaceAll(/\d/g, (digit) => "零一二三四五六七八九".charAt(Number(digit)));
}

/** A person with a name that ends in a numeral, words that touch the number, and none. */
export const SURROUNDINGS: readonly [string, string][] = [
  ["", ""],
  ["帮我看下", "对不对"],
  ["李四", "，谢谢"],
  ["（", "）"],
  ["no problem: ", "\n"],
  ["👍", "👍"],
];

const LONG = "aB3dE5fG7hJ9kL1mN2pQrS4tU6vW8xY0zA1bC";
const KEY_43 = "KxN3vqW8mB5tYc2LzR7pJ1hD9fG4sA6uQ0eXwTiOyPk";
const JWT = `${Buffer.from('{"alg":"HS256","typ":"JWT"}').toString("base64url")}.${Buffer.from('{"sub":"1234567890"}').toString("base64url")}.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U`;

/** Kind, text before, what is to be found, text behind. Prefixes of keys are put together here so that no scanner of code stumbles. */
export const SECRETS: readonly [PersonalKind, string, string, string][] = [
  ["api_key", "OPENAI_API_KEY=", `sk-${LONG}`, ""],
  ["api_key", "export KEY=", `sk-${"proj-"}${LONG}`, "\n"],
  ["api_key", "用这个", `AK${"IA"}J5Q7ZB2PXLW3N4RT`, "，区域是新加坡"],
  ["api_key", "id: ", `LT${"AI"}5tQwErTyUiOpAsDfGhJk`, "."],
  ["api_key", "SecretId ", `AK${"ID"}z8krbsJ5yKBZQpn74WFkmLPx3`, ""],
  ["api_key", "key=", `AI${"za"}SyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY`, "&v=1"],
  ["access_token", "", `gh${"p_"}${LONG}`, " 过期了"],
  ["access_token", "", `xox${"b-"}2048361957-kQzWmTxRbLpN`, ""],
  ["access_token", "", `gl${"pat-"}${LONG}`, ""],
  ["access_token", "Authorization: Bearer ", LONG, "\r\n"],
  ["access_token", "?access_token=", LONG, "&x=1"],
  ["access_token", "访问令牌：", LONG, "。"],
  ["api_key", "corpsecret=", KEY_43, "&"],
  ["api_key", "EncodingAESKey：", KEY_43, "，收好"],
  ["api_key", "密钥是 ", LONG, ""],
  ["api_key", '{"client_secret" : "', LONG, '"}'],
  [
    "api_key",
    "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=",
    "693a91f6-7abc-4bc4-97a0-0ec2c1fa5bbb",
    " 群机器人",
  ],
  ["jwt", "token ", JWT, "."],
  ["jwt", "Cookie: s=", JWT, "; a=b"],
  ["password", "数据库密码是 ", "Qwer@2673", ""],
  ["password", "密码：", "Abc@1234", "，请改"],
  ["password", "密码", "Abc@1234", "。"],
  ["password", "密碼是", "Abc@1234", "！"],
  ["password", "密码", "Abc123", ""],
  ["password", "账号 admin 密码 ", "Zxcv1234", ""],
  ["access_token", "Token: ", "hJ3kL9mNa", ""],
  ["password", "WiFi密码 ", "88886666", ""],
  ["password", "口令改成了", "Summer2024!", ""],
  ["password", "密码（测试环境）：", "Root#2024", ""],
  ["password", "账号密码 ", "admin/Admin@123", ""],
  ["password", "DB_PASSWORD=", "s3cr3tPw", "\n"],
  ["password", '{"password":"', "p@ss W0rd".replace(" ", ""), '"}'],
  ["password", "MYSQL_ROOT_PASSWORD: '", "My5ql!root", "'"],
  ["password", "<password>", "Zxcv1234", "</password>"],
  ["password", "My password is ", "Abc@123", ", thanks"],
  ["password", "Server=db;Uid=app;Pwd=", "Abc12345", ";"],
  ["password", "Authorization: Basic ", Buffer.from("user:password").toString("base64"), ""],
  ["password", "**密码**：`", "Abc12345", "`"],
  ["password", "password: ", `A1!${"z".repeat(100)}`, " end"],
  ["connection_string", "连 ", "postgres://app:S3cr3t@db.local:5432/x?ssl=1", " 试试"],
  ["connection_string", "REDIS_URL=", "redis://:p4ssw0rd@10.0.0.1:6379/0", ""],
  ["connection_string", "", "mongodb+srv://u:Pw12345@c.mongodb.net", ""],
  ["connection_string", "clone ", "https://bot:tok3n9@git.corp.example/x.git", "，然后"],
];

/** Texts in which nothing may be found. */
export const LOOKALIKES: readonly string[] = [
  ..."订单号 |运单号：|快递单号|物料编码 |工号|金额 |¥|共|流水号: |id=|order_id: |ts=|会议号："
    .split("|")
    .map((label) => `${label}13912345678 谢谢`),
  "金额 13912345678元",
  "13912345678.50",
  "1.13912345678",
  "SKU-13912345678",
  "ORD13912345678",
  "13912345678A",
  "139123456789",
  "https://x.example/item/13912345678",
  "时间戳 1769299716401",
  "20240101123045123",
  "20250901 到 20250228",
  "2024-01-01 12:30:45",
  "会议 ID：139-1234-5678",
  "版本 13.9.1234.5678",
  "升级到 3.9.9-build.205565005",
  "客服热线 010-62345678",
  "前台 010-8888 转 8278",
  "400-800-1234",
  "8008201234",
  "拨打12345或95588",
  "心理援助热线 12356",
  "10.0.0.1:8080",
  "550e8400-e29b-41d4-a716-446655440000",
  "commit f12936a45e4ed615b11ae69ec4f38306b6e44252",
  "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  "ISBN 978-7-111-54493-7",
  "ISBN 9787111544937",
  "圆周率 3.14159265358979323846",
  "1234 5678 9012 3456",
  "卡号 6222209692847489495 通不过校验",
  "测试数据用 420111198911118646 校验位是错的",
  "身份证号码 18 位",
  "一二三四五六七八九十",
  "一九八四年一月",
  "星期一三五七",
  "护照办理 12345678",
  "E12345678 物料",
  "航班 CA1234",
  "京A股",
  "新P40手机",
  "川菜12345",
  "苏B2B业务",
  "浙江2024年",
  "QQ群 123456789",
  "企业微信 WeCom2024",
  "微信小程序 wx1234",
  "微信 Android 8.0.41",
  "微信支付 apiv3",
  "联系 support@example.com 或 noreply@corp.example.cn",
  "user@example.com",
  "icon@2x.png",
  "git@github.com:a/b.git",
  "react@18.2.0",
  "@张三 你好",
  "北京的天气",
  "深圳市南山区人民政府",
  "北京市朝阳区建国路88号",
  "抚顺路12号",
  "王子大厦71号1楼",
  "3号楼",
  "上海市2024年生产总值 47218.66亿元",
  "密码重置 https://a.example/c1",
  "密码长度至少8位",
  "密码 8 位以上",
  "password must contain 8 chars",
  `password: \${DB_PASSWORD}`,
  "password: <password>",
  "密码：******",
  "密码: xxxxxx",
  "密码策略：AES-256 加密",
  "密码: SHA256",
  "password = os.environ['DB_PASS1']",
  "password=getPassword1()",
  "忘记密码怎么办？2024年",
  "口令红包",
  "password: changeme",
  "api_key: your-api-key",
  "API_KEY=sk-xxxxxxxxxxxxxxxxxxxxxxxx",
  "sk-your-api-key-goes-here-1234",
  "max_tokens: 4096",
  "token: 4096",
  "secret santa 2024",
  "csrf_token=aB3dE5fG7hJ9kL1mN2pQ",
  `AK${"IA"}IOSFODNN7EXAMPLE`,
  "Bearer token",
  "Bearer <token>",
  "api_key: 1234567890abcdef",
  "https://user:password@localhost",
  "https://medium.example/@name/post",
  "-----BEGIN PRIVATE KEY----- 开头的文件不要外发",
  "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
  "-----BEGIN CERTIFICATE-----\nMIIEowIBAAKCAQEAx1y2",
  "-----BEGIN PUBLIC KEY-----\nMIIEowIBAAKCAQEAx1y2",
  "eyJhbGciOiJIUzI1NiJ9",
  "eyJub3QganNvbg.eyJub3QganNvbg.abc",
];

/** Texts made of what the scan finds hard: pieces of numbers, keys, labels, surrogates, marks. */
export const hardText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ...[
          "13912345678",
          "139 1234 ",
          "5678",
          "440305199003078518",
          "6212",
          "+86",
          "010-",
          "62345678",
          "一三九",
          "李四",
          "身份证",
          "卡号：",
          "密码",
          "是",
          "password",
          "=",
          "sk-",
          "aB3dE5fG7h",
        ],
        ...[
          "-----BEGIN ",
          "RSA PRIVATE KEY",
          "-----",
          "-----END ",
          "MIIEowIBAAKCAQEAx1y2",
          "\n",
          "eyJhbGciOiJIUzI1NiJ9",
          ".",
          "eyJzdWIiOiIx",
          "postgres://",
          "a:",
          "b1c2d3",
          "@",
          "example.cn",
          "京A",
          "微信：",
        ],
        ...[
          "上海市",
          "徐汇区",
          "漕溪北路",
          "331号",
          "2幢",
          "1502室",
          "护照号",
          "E12345678",
          " ",
          "，",
          "。",
          "订单号",
          "👍",
          "\ud835",
          "\udfcf",
          "𝟏",
          "①",
          "１",
          "\u200b",
          "\u0301",
          '"',
          "`",
        ],
      ),
      fc.string({ unit: "binary", maxLength: 3 }),
    ),
    { maxLength: 24 },
  )
  .map((pieces) => pieces.join(""));
