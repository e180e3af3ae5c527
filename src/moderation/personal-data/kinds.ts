/** Kinds of personal data and secrets, their category and the name a person reads for them. */
const KINDS = {
  id_card: { category: "pii", label: "身份证号" },
  mobile: { category: "pii", label: "手机号" },
  landline: { category: "pii", label: "座机号" },
  bank_card: { category: "pii", label: "银行卡号" },
  credit_code: { category: "pii", label: "信用代码" },
  passport: { category: "pii", label: "护照号" },
  travel_permit: { category: "pii", label: "通行证号" },
  plate: { category: "pii", label: "车牌号" },
  email: { category: "pii", label: "邮箱" },
  wechat: { category: "pii", label: "微信号" },
  qq: { category: "pii", label: "QQ号" },
  address: { category: "pii", label: "地址" },
  password: { category: "secret", label: "密码" },
  api_key: { category: "secret", label: "密钥" },
  access_token: { category: "secret", label: "令牌" },
  private_key: { category: "secret", label: "私钥" },
  jwt: { category: "secret", label: "JWT令牌" },
  connection_string: { category: "secret", label: "连接串" },
} as const;

export type PersonalKind = keyof typeof KINDS;

export const PERSONAL_KINDS = Object.keys(KINDS).filter(isPersonalKind);

/** One place in a text. */
export interface PersonalFinding {
  kind: PersonalKind;
  category: "pii" | "secret";
  /** 0 to 1: a checksum or a telling word beside it raises it. */
  confidence: number;
  /** Offsets into the original text, UTF-16 code units, end exclusive. */
  start: number;
  end: number;
}

export function categoryOf(kind: PersonalKind): "pii" | "secret" {
  return KINDS[kind].category;
}

/** The name that stands in a mask, `身份证号`; no two kinds share one. Whatever is no kind of personal data is 敏感内容. */
export function labelOf(kind: string): string {
  return isPersonalKind(kind) ? KINDS[kind].label : "敏感内容";
}

function isPersonalKind(kind: string): kind is PersonalKind {
  return Object.hasOwn(KINDS, kind);
}
