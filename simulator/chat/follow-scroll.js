/** Nearer to the end than this is at the end: fractions of pixels remain on zoomed screens. */
const AT_END_PX = 3;

/**
 * Keeps a scrolling box at its end while things are added, until somebody scrolls up to read.
 */
export class FollowScroll {
  following = true;
  /** @type {HTMLElement} */ #box;
  #lastTop = 0;

  /**
   * @param {HTMLElement} box what scrolls
   * @param {HTMLElement} content what grows inside it
   * @param {() => void} changed `following` is different now
   */
  constructor(box, content, changed) {
    this.#box = box;
    box.addEventListener("scroll", () => {
      const before = this.following;
      if (this.#left() <= AT_END_PX) this.following = true;
      else if (box.scrollTop < this.#lastTop) this.following = false;
      this.#lastTop = box.scrollTop;
      if (before !== this.following) changed();
    });
    // called between layout and paint: what grew is never seen out of place
    const observer = new ResizeObserver(() => this.following && this.toEnd());
    observer.observe(box);
    observer.observe(content);
  }

  /** Goes to the end and follows again. */
  toEnd() {
    this.following = true;
    this.#box.scrollTop = this.#box.scrollHeight;
    this.#lastTop = this.#box.scrollTop;
  }

  #left() {
    return this.#box.scrollHeight - this.#box.scrollTop - this.#box.clientHeight;
  }
}
