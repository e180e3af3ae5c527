import type { Clock } from "../base/clock.ts";
import type { Events } from "../base/events.ts";
import type { Logger } from "../base/logger.ts";
import type { Config } from "../config.ts";
import type { BotEventParts } from "../handlers/bot-event.ts";
import type { SocketJob } from "../handlers/bot-socket/jobs.ts";
import { SocketChannel } from "../handlers/bot-socket/socket-channel.ts";
import type { Intake } from "../handlers/intake.ts";
import type { RedisConnection } from "../session/redis.ts";
import { SendBudget } from "../session/send-budget.ts";
import { Snapshots } from "../session/snapshots.ts";
import { SocketChats } from "../session/socket-chats.ts";
import { SocketOutbox } from "../session/socket-outbox.ts";
import { SocketSeat } from "../session/socket-seat.ts";
import { BotSocket } from "../wecom/bot-socket.ts";

/** What any process gives to the one that holds the long connection; null when the bot has none. */
export function createSocketOutbox(
  config: Config,
  redis: RedisConnection,
  clock: Clock,
): SocketOutbox<SocketJob> | null {
  const { socket } = config.wecom;
  return socket === null ? null : new SocketOutbox<SocketJob>(redis, socket.botId, clock);
}

export interface SocketParts extends BotEventParts {
  redis: RedisConnection;
  /** A connection of its own: it blocks. */
  connectReader(): RedisConnection;
  outbox: SocketOutbox<SocketJob>;
  intake: Intake;
  clock: Clock;
  events: Events;
  log: Logger;
}

/** This process's part in the long connection; null when the bot has none, or when callbacks are others' work. */
export function createSocketChannel(config: Config, parts: SocketParts): SocketChannel | null {
  const { socket, botName } = config.wecom;
  if (socket === null || config.role === "worker") return null;
  const { redis, events, log, clock } = parts;
  return new SocketChannel({
    ...parts,
    botId: socket.botId,
    botName,
    groupSession: config.groupSession,
    reader: parts.connectReader(),
    chats: new SocketChats(redis, socket.botId),
    seat: new SocketSeat(redis, socket.botId),
    snapshots: new Snapshots(redis),
    budget: new SendBudget(redis, `socket:${socket.botId}`),
    connectWith: (listener) => new BotSocket({ ...socket, listener, events, log, clock }),
  });
}
