/** Keys around one bot's long connection; one hash tag, so that one script may touch them on a Redis Cluster. */
export function seatKeys(botId: string) {
  const own = (name: string): string => `yingda:{socket:${botId}}:${name}`;
  return {
    /** The token of the process that holds the connection. */
    holder: own("holder"),
    /** Who had the seat last, also when it has lapsed. */
    last: own("last"),
    /** When somebody outside took the connection, by Redis's clock. */
    kicked: own("kicked"),
    /** Stream of what the holder is to send. */
    outbox: own("outbox"),
    /** Hash: id of a job → its entry in the outbox, as long as it waits. */
    queued: own("queued"),
    /** Sorted set of the conversations that wrote to the bot, by their newest message. */
    chats: own("chats"),
    /** What became of a job. */
    result: (jobId: string): string => own(`result:${jobId}`),
  };
}
