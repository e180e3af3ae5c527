// Loaded into the gateway's process before its own code (`node --expose-gc --import`): tells the heap when it is asked to.
// Its threads load it as well, and have no channel.
if (process.channel !== undefined) {
  process.on("message", () => {
    globalThis.gc();
    globalThis.gc();
    const { heapUsed, external } = process.memoryUsage();
    process.send({ usedBytes: heapUsed + external });
  });
  process.channel.unref();
}
