import { beforeAll, describe, expect, test } from "@jest/globals";
import { showMarkdown } from "../../simulator/chat/markdown-dom.js";
import { showPlainText } from "../../simulator/chat/plain-text.js";

/** As much of a document as the page's renderer uses; anything else it tried to use would throw. */
class FakeElement {
  readonly attributes = new Map<string, string>();
  readonly dataset: Record<string, string> = {};
  children: FakeElement[] = [];
  nodes: (FakeElement | string)[] = [];
  className = "";
  open = false;
  readonly classList = {
    add: (name: string): void => {
      this.className = `${this.className} ${name}`.trim();
    },
  };
  readonly tag: string;

  constructor(tag: string) {
    this.tag = tag;
  }

  setAttribute(name: string, value: string): void {
    this.attributes.set(name, value);
  }

  addEventListener(): void {
    throw new Error("the renderer adds no listeners");
  }

  append(...nodes: (FakeElement | string)[]): void {
    this.nodes.push(...nodes);
    this.#children();
  }

  replaceChildren(...nodes: (FakeElement | string)[]): void {
    this.nodes = nodes;
    this.#children();
  }

  replaceWith(): void {
    throw new Error("only a growing text replaces blocks");
  }

  get textContent(): string {
    return this.nodes.map((node) => (typeof node === "string" ? node : node.textContent)).join("");
  }

  set textContent(text: string) {
    this.nodes = [text];
    this.#children();
  }

  #children(): void {
    this.children = this.nodes.filter((node): node is FakeElement => typeof node !== "string");
  }

  *all(): Generator<FakeElement> {
    for (const child of this.children) {
      yield child;
      yield* child.all();
    }
  }
}

const LABELS = { copy: "复制", thinking: "思考中", thought: "思考", table: "表格" };
const TAGS = new Set(
  "p h3 h4 h5 h6 ul ol li blockquote hr table thead tbody tr th td pre code div span button details summary strong em del a br".split(
    " ",
  ),
);
const ATTRIBUTES = new Set([
  "href",
  "target",
  "rel",
  "type",
  "data-copy",
  "tabindex",
  "role",
  "aria-label",
  "scope",
  "start",
  "open",
]);

const CORPUS = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "<svg/onload=alert(1)>",
  "<iframe srcdoc='<script>alert(1)</script>'>",
  "<a href=javascript:alert(1)>x</a>",
  "<style>*{background:url(https://a.example)}</style>",
  "[x](javascript:alert(1))",
  "[x](JAVASCRIPT:alert(1))",
  "[x](java&#115;cript:alert(1))",
  "[x]( javascript:alert(1))",
  "[x](<javascript:alert(1)>)",
  "[x](data:text/html;base64,PHNjcmlwdD4=)",
  "![x](javascript:alert(1))",
  '![x](https://a.example/x.png" onerror="alert(1))',
  "<javascript:alert(1)>",
  '[x](https://a.example/"onmouseover="alert(1))',
  "[<img src=x onerror=alert(1)>](https://a.example)",
  "`<script>alert(1)</script>`",
  "```html\n<script>alert(1)</script>\n```",
  '```"><script>alert(1)</script>\nx\n```',
  "| <script>x</script> |\n|---|\n| <img onerror=x> |",
  "> <script>alert(1)</script>",
  "- <script>alert(1)</script>",
  "# <script>alert(1)</script>",
  "<think><script>alert(1)</script></think><script>alert(2)</script>",
  "**<script>**alert(1)</script>",
];

beforeAll(() => {
  Object.assign(globalThis, {
    document: { createElement: (tag: string) => new FakeElement(tag) },
    HTMLDetailsElement: class {},
  });
});

function drawn(text: string, how: "markdown" | "plain"): FakeElement {
  const container = new FakeElement("div");
  if (how === "markdown") showMarkdown(container, text, LABELS);
  else showPlainText(container, text, ["应答助手"]);
  return container;
}

describe("what the chat page draws from hostile text", () => {
  test.each(CORPUS)("%j makes only harmless elements, in markdown and as plain text", (text) => {
    for (const how of ["markdown", "plain"] as const) {
      for (const element of drawn(text, how).all()) {
        expect(TAGS).toContain(element.tag);
        for (const [name, value] of element.attributes) {
          expect(ATTRIBUTES).toContain(name);
          if (name === "href") expect(value).toMatch(/^(https?:\/\/|mailto:)/);
        }
        if (element.tag === "a") expect(element.attributes.get("rel")).toBe("noopener noreferrer");
      }
    }
  });

  test("markup is shown as the text it is", () => {
    expect(drawn("<script>alert(1)</script>", "markdown").textContent).toBe("<script>alert(1)</script>");
    expect(drawn("<b>x</b>\n第二行", "plain").textContent).toBe("<b>x</b>\n第二行");
  });

  test("a known name after an @ is marked, an address becomes a link", () => {
    const container = drawn("@应答助手 看 https://a.example/x，谢谢 @别人", "plain");
    expect(container.children.map(({ tag, textContent }) => [tag, textContent])).toEqual([
      ["span", "@应答助手"],
      ["a", "https://a.example/x"],
    ]);
  });
});
