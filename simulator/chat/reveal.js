import { prefersStillness } from "./dom.js";

/** The rest of a text is caught up with in about this time, so it flows at the pace at which snapshots come. */
const CATCH_UP_MS = 450;
/** Once the answer is complete, nobody should wait for the animation. */
const CATCH_UP_FINAL_MS = 140;
const UNITS_PER_FRAME_MIN = 1;
/** Half of the screen's frames are enough for text, and halve the work. */
const FRAME_MS = 30;

/**
 * How much of a text is shown next: a share of what is left, so that a big jump is caught up with quickly and a small
 * one smoothly. Never cuts a character in two.
 * @param {string} text
 * @param {number} shownUnits
 * @param {number} elapsedMs since the last step
 * @param {boolean} final
 * @returns {number} UTF-16 units
 */
export function nextUnits(text, shownUnits, elapsedMs, final) {
  const left = text.length - shownUnits;
  const share = 1 - Math.exp(-elapsedMs / (final ? CATCH_UP_FINAL_MS : CATCH_UP_MS));
  const units = Math.min(text.length, shownUnits + Math.max(UNITS_PER_FRAME_MIN, Math.ceil(left * share)));
  const unit = text.charCodeAt(units - 1);
  return units < text.length && unit >= 0xd800 && unit <= 0xdbff ? units + 1 : units;
}

/** Lets the text of one growing bubble flow in, between snapshots that come about once a second. */
export class Reveal {
  /** @type {(text: string, complete: boolean) => void} */ #show;
  #text = "";
  #units = 0;
  #final = false;
  #frame = 0;
  #lastMs = 0;

  /** @param {(text: string, complete: boolean) => void} show draws this much of the text; `complete` at its end */
  constructor(show) {
    this.#show = show;
  }

  /**
   * @param {string} text the newest snapshot
   * @param {boolean} final no more will come
   * @param {boolean} atOnce without flowing
   */
  set(text, final, atOnce) {
    const grows = text.startsWith(this.#text.slice(0, this.#units));
    this.#text = text;
    this.#final = final;
    // a replaced text (an answer taken back) must not be spelled out over what it replaces
    if (atOnce || !grows || document.hidden || prefersStillness()) this.finish();
    else if (this.#frame === 0) {
      this.#lastMs = performance.now();
      this.#frame = requestAnimationFrame((nowMs) => this.#step(nowMs));
    }
  }

  /** Shows everything there is. */
  finish() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#units = this.#text.length;
    this.#show(this.#text, this.#final);
  }

  /** @param {number} nowMs */
  #step(nowMs) {
    const elapsedMs = nowMs - this.#lastMs;
    if (elapsedMs >= FRAME_MS) {
      this.#lastMs = nowMs;
      this.#units = nextUnits(this.#text, this.#units, elapsedMs, this.#final);
      if (this.#units >= this.#text.length) return this.finish();
      this.#show(this.#text.slice(0, this.#units), false);
    }
    this.#frame = requestAnimationFrame((laterMs) => this.#step(laterMs));
  }
}
