// The sandbox's Error also recognises errors that Node made outside the sandbox (aborts, sockets, sqlite);
// without this `x instanceof Error` is false for them, in tests only.
import { TestEnvironment } from "jest-environment-node";

export default class extends TestEnvironment {
  constructor(...args) {
    super(...args);
    const Sandbox = this.global.Error;
    const Outer = Error;
    Object.defineProperty(Sandbox, Symbol.hasInstance, {
      value(x) {
        return Function.prototype[Symbol.hasInstance].call(this, x) || (this === Sandbox && x instanceof Outer);
      },
    });
  }
}
