/** Refusals in a row after which no more is tried: one picture that a server cannot open, or a smaller model in between, is no proof. */
const REFUSALS_MAX = 3;

/** Whether the model takes pictures: told by the operator, or learned from its refusals. */
export class Vision {
  readonly #setting: "auto" | "yes" | "no";
  #refusals = 0;

  /** `auto` counts as seeing until the model has refused pictures several times in a row. */
  constructor(setting: "auto" | "yes" | "no") {
    this.#setting = setting;
  }

  get sees(): boolean {
    if (this.#setting !== "auto") return this.#setting === "yes";
    return this.#refusals < REFUSALS_MAX;
  }

  /** A request with pictures was answered. */
  saw(): void {
    this.#refusals = 0;
  }

  /** A request was refused because of its pictures. */
  refused(): void {
    this.#refusals += 1;
  }
}
