import "uplot/dist/uPlot.min.css";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/tags.css";
import "./styles/fields.css";
import "./styles/floating.css";
import "./styles/shell.css";
import "./styles/queue.css";
import "./styles/case.css";
import "./styles/conversation.css";
import "./styles/decision-bar.css";
import "./styles/tables.css";
import "./styles/policy.css";
import "./styles/dashboard.css";
import "./styles/phone.css";
import { render } from "preact";
import { App } from "./pages/app.tsx";
import { startClock } from "./state/clock.ts";
import { run, send } from "./state/commands.ts";
import { listenToKeys } from "./state/keyboard.ts";
import { startNavigation } from "./state/navigation.ts";
import { startRenewing } from "./state/open-case.ts";
import { applyPreferences, language } from "./state/preferences.ts";
import { askSession } from "./state/session.ts";
import { speak } from "./words/words.ts";

applyPreferences();
startNavigation();
startClock();
startRenewing();
listenToKeys(run, send);
void askSession();

const root = document.getElementById("root");
if (root !== null) {
  speak(language.value)
    .then(() => render(<App />, root))
    // without words there is only this to say, in both languages
    .catch(() => root.replaceChildren("页面没有加载完整，请刷新。The page did not load completely; please reload."));
}
