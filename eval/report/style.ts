import { Html } from "./html.ts";

export const STYLE = new Html(`<style>
:root{--bg:#f6f7f9;--card:#fff;--ink:#1c2430;--soft:#5c6877;--line:#e1e5ea;--track:#eceff3;--bar:#3b74d8;--whisker:#1c2430;--first:#8a93a0;--second:#3b74d8;--up:#1f8a5b;--down:#c2412d;--ask:#dcebff;--answer:#f0f2f5;--wrong:#fdeae6}
@media (prefers-color-scheme:dark){:root{--bg:#12161c;--card:#1a2029;--ink:#e6eaf0;--soft:#98a4b3;--line:#2c3440;--track:#252d38;--bar:#5b8ff0;--whisker:#e6eaf0;--first:#98a4b3;--second:#6d9df5;--up:#45b883;--down:#ef7d68;--ask:#1f3a63;--answer:#242c37;--wrong:#432722}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.55 system-ui,-apple-system,"PingFang SC","Noto Sans CJK SC","Microsoft YaHei",sans-serif}
main{max-width:1040px;margin:0 auto;padding:24px 16px 64px}
h1{font-size:24px;margin:0 0 4px;overflow-wrap:anywhere}h2{font-size:17px;margin:0 0 12px}
i{font-style:normal;color:var(--soft);font-weight:400}
.facts{color:var(--soft);margin:0 0 16px;overflow-wrap:anywhere}
.notice{border-left:4px solid var(--down);background:var(--card);padding:8px 12px;border-radius:4px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:16px 0}
.tile,section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px}
.tile b{display:block;font-size:26px;line-height:1.2;font-variant-numeric:tabular-nums}.tile span{font-size:13px}.tile small{display:block;color:var(--soft);font-size:12px}
section{margin:16px 0;overflow-x:auto}
.two{display:grid;grid-template-columns:1fr;gap:16px;align-items:start}.two section{margin:0}
@media(min-width:900px){.two{grid-template-columns:11fr 9fr}}
svg{display:block;width:100%;height:auto;max-width:620px}
svg text{fill:var(--ink);font-size:12px;font-family:inherit}svg .sub,svg .tick{fill:var(--soft);font-size:10px}svg .note{font-size:11px;font-variant-numeric:tabular-nums}
@media(max-width:600px){svg text{font-size:16px}svg .sub,svg .tick{font-size:12px}svg .note{font-size:14px}}
section svg+h2{margin-top:20px}
.bar{fill:var(--bar)}.track{fill:var(--track)}.whisker{stroke:var(--whisker);stroke-width:1.5;fill:none;opacity:.75}
.axis,.rail{stroke:var(--line);stroke-width:1.5}.mark{stroke:var(--down);stroke-width:1.5;stroke-dasharray:3 3}
.between{stroke-width:4;stroke:var(--line)}.between.up{stroke:var(--up);opacity:.45}.between.down{stroke:var(--down);opacity:.45}.between.clear{opacity:1}
.first{fill:var(--first)}.second{fill:var(--second)}
.legend{margin:0 0 8px;color:var(--soft)}.dot{display:inline-block;width:11px;height:11px;border-radius:50%;margin:0 4px 0 10px}.dot.a{background:var(--first)}.dot.b{background:var(--second)}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:6px 10px 6px 0;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th{font-weight:500;color:var(--soft);font-size:13px}th:first-child,td:first-child{text-align:left}tr:last-child td{border-bottom:0;font-weight:600}
.up{color:var(--up)}.down{color:var(--down)}
details{border-top:1px solid var(--line);padding:8px 0}details:first-of-type{border-top:0}
summary{cursor:pointer;overflow-wrap:anywhere}summary small{color:var(--soft)}
h3{font-size:14px;margin:16px 0 4px;color:var(--soft)}
.talk{display:flex;flex-direction:column;gap:6px;padding:10px 0;max-width:820px}
.talk>div{white-space:pre-wrap;overflow-wrap:anywhere;border-radius:10px;padding:8px 12px;max-width:92%}
.ask{background:var(--ask);align-self:flex-end}.answer{background:var(--answer);align-self:flex-start}.answer.wrong{background:var(--wrong)}
.answer.said{opacity:.85;border:1px dashed var(--line)}.answer small,.ask em{display:block;color:var(--soft);font-size:12px;font-style:normal}
blockquote{margin:0 0 6px;padding-left:8px;border-left:3px solid var(--soft);color:var(--soft)}
.why{margin:0;color:var(--down);overflow-wrap:anywhere}.open,.filler{margin:0;color:var(--soft)}.filler{text-align:center}
.sides{display:grid;gap:12px}@media(min-width:900px){.sides{grid-template-columns:1fr 1fr}}
</style>`);
