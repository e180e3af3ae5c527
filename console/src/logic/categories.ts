/** The policy's categories, as the filters offer them; one that is not here is still shown by its code. */
export const CATEGORY_NAMES = [
  "political",
  "terror_violence",
  "hate",
  "sexual",
  "minors",
  "illegal",
  "cyber",
  "self_harm",
  "insult",
  "pii",
  "secret",
  "ip_secret",
  "misinfo",
  "advice",
  "injection",
] as const;
