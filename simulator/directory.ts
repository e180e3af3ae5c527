import { YingdaError } from "../src/base/errors.ts";
import type { Group, Member } from "./platform-types.ts";

const USER_ID = /^[A-Za-z0-9][A-Za-z0-9_\-@.]{0,63}$/;
/** Every member has an inbox and windows of his own; the limit keeps a runaway loop from filling the memory. */
const MEMBERS_MAX = 100_000;
const GROUPS_MAX = 10_000;

/** Who is in the corp. Userids are unique without regard to case (wecom-protocol 3.7), chat ids are not (4.3). */
export class Directory {
  readonly #members = new Map<string, Member>();
  readonly #groups = new Map<string, Group>();

  /** Adds a member, or replaces the one with the same userid. Throws `bad_request` for an id that WeCom refuses. */
  addMember(member: Member): void {
    if (!USER_ID.test(member.userId)) {
      throw new YingdaError(
        "bad_request",
        "A userid has 1 to 64 letters, digits or _-@. and begins with a letter or digit.",
      );
    }
    if (this.#members.size >= MEMBERS_MAX) throw new YingdaError("bad_request", `At most ${MEMBERS_MAX} members.`);
    this.#members.set(member.userId.toLowerCase(), member);
  }

  addGroup(group: Group): void {
    for (const userId of group.memberIds) this.require(userId);
    if (this.#groups.size >= GROUPS_MAX) throw new YingdaError("bad_request", `At most ${GROUPS_MAX} groups.`);
    this.#groups.set(group.chatId, group);
  }

  find(userId: string): Member | undefined {
    return this.#members.get(userId.toLowerCase());
  }

  /** Throws `bad_request` when the corp has no such member. */
  require(userId: string): Member {
    const member = this.find(userId);
    if (member === undefined) throw new YingdaError("bad_request", "The corp has no member with this userid.");
    return member;
  }

  /** Throws `bad_request` when there is no such group or the member is not in it. */
  requireGroup(chatId: string, userId: string): Group {
    const group = this.#groups.get(chatId);
    const member = this.require(userId);
    if (group === undefined || !group.memberIds.some((id) => id.toLowerCase() === member.userId.toLowerCase())) {
      throw new YingdaError("bad_request", "There is no such group, or the member is not in it.");
    }
    return group;
  }

  /** Members that an app message can reach: active and in the visible range. */
  reachable(): Member[] {
    return [...this.#members.values()].filter(isReachable);
  }

  members(): Member[] {
    return [...this.#members.values()];
  }

  groups(): Group[] {
    return [...this.#groups.values()];
  }
}

export function isReachable(member: Member): boolean {
  return (member.visible ?? true) && (member.status ?? 1) === 1;
}
