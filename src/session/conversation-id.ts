/** Who shares one context. userids are compared without case (wecom-protocol 3.7), chat ids with (4.3). */
export function appConversation(agentId: string, userId: string): string {
  return `app:${agentId}:${userId.toLowerCase()}`;
}

export function botSingleConversation(botId: string, userId: string): string {
  return `bot:${botId}:single:${userId.toLowerCase()}`;
}

/** `member` gives every member of a group a context of their own, `group` one for all with speakers named. */
export function botGroupConversation(botId: string, chatId: string, userId: string, scope: "group" | "member"): string {
  const group = `bot:${botId}:group:${chatId}`;
  return scope === "group" ? group : `${group}:${userId.toLowerCase()}`;
}
