/** Whether the model takes pictures: told by the operator, or learned from its first refusal. */
export class Vision {
  #sees: boolean;

  /** `auto` counts as seeing until the model refuses a picture. */
  constructor(setting: "auto" | "yes" | "no") {
    this.#sees = setting !== "no";
  }

  get sees(): boolean {
    return this.#sees;
  }

  /** The model refused a picture: none is shown to it again before a restart. */
  refused(): void {
    this.#sees = false;
  }
}
