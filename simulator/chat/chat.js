import { toast } from "./announce.js";
import { openChat, pressCard, sendFeedback, sendMessage } from "./api.js";
import { ChatView } from "./chat-view.js";
import { Composer } from "./composer.js";
import { ContactsView } from "./contacts-view.js";
import { byId } from "./dom.js";
import { explain } from "./explain.js";
import { FaultsView } from "./faults-view.js";
import { askReasons } from "./feedback.js";
import { FlagsView } from "./flags-view.js";
import { HeaderView } from "./header-view.js";
import { labelPage, switchLanguage, t } from "./i18n.js";
import { placeIcons } from "./icons.js";
import { Live } from "./live.js";
import { describe } from "./media-view.js";
import { Navigation } from "./navigation.js";
import { PacketDetail } from "./packet-detail.js";
import { PacketsView } from "./packets-view.js";
import { PanelView } from "./panel-view.js";
import { listenToShortcuts } from "./shortcuts.js";
import { ChatState } from "./state.js";
import { SuggestionsView } from "./suggestions-view.js";

/**
 * The page: all parts, and what the person at the keyboard can do.
 * @import { ChatMessage, FeedbackType, Media, Outgoing, PendingMessage, Suggestion } from "./types.d.ts"
 */

const QUOTE_UNITS_MAX = 200;

const state = new ChatState();
const live = new Live(state);
const navigation = new Navigation(state, (chatId, me) => void tellOpened(chatId, me));
const panel = new PanelView(state, {
  togglePanel: (open) => navigation.togglePanel(open),
  isDocked: () => navigation.docked,
});
const chatView = new ChatView(state, {
  quote,
  packets: showPackets,
  packetsByClick,
  resend,
  discard,
  rate: (message, type) => void rate(message, type),
  press: (message, key) => pressCard({ chatId: state.chatId, messageId: message.id, as: state.me, key }),
  ask: (question) => suggest(question, {}),
});
const composer = new Composer(state, send, () => chatView.focusLast());
new ContactsView(state, { openChat: (chatId) => navigation.openChat(chatId), speakAs: (me) => navigation.speakAs(me) });
new HeaderView(state, { retry: () => live.connect(), showFaults });
new SuggestionsView(state, suggest);
new PacketsView(state);
new PacketDetail(state, goToMessage);
new FaultsView(state);
new FlagsView(state);

let pendingCount = 0;
let started = false;

state.on(["phase"], () => {
  if (state.phase !== "ready" || started) return;
  started = true;
  navigation.start();
  if (!navigation.narrow) composer.focus();
});
state.on(["language"], () => labelPage());
document.addEventListener("visibilitychange", () => !document.hidden && state.markSeen());
byId("back", HTMLButtonElement).addEventListener("click", () => navigation.backToList());
byId("language", HTMLButtonElement).addEventListener("click", changeLanguage);
listenToShortcuts({
  moveChat,
  nextMember,
  focusComposer: () => composer.focus(),
  togglePanel: () => navigation.togglePanel(!state.panelOpen),
  switchLanguage: changeLanguage,
});
placeIcons();
labelPage();
state.changed("panel");
live.connect();

/**
 * @param {string} text
 * @param {ChatMessage | undefined} quoted
 * @param {Media[]} media
 */
function send(text, quoted, media) {
  const files = media.length === 0 ? {} : { media: media.map(({ id }) => id) };
  const shown = media.length === 0 ? {} : { media };
  if (quoted === undefined) {
    post(text, files, shown);
    return;
  }
  const quote = { name: quoted.from.name, text: describe(quoted, QUOTE_UNITS_MAX) };
  post(text, { ...files, quoteMessageId: quoted.id }, { ...shown, quote });
}

/**
 * @param {string} text
 * @param {Omit<Suggestion, "label" | "text">} more a quote of something that stands in no chat here, a place, a link
 */
function suggest(text, more) {
  const { quote, location, link } = more;
  post(text, more, { ...(quote === undefined ? {} : { quote }), text: location?.label ?? link?.title ?? text });
}

/**
 * @param {string} text
 * @param {Partial<Outgoing>} sent
 * @param {{ quote?: { name: string, text: string }, media?: Media[], text?: string }} shown
 */
function post(text, sent, shown) {
  const { chatId, me, viewKey } = state;
  pendingCount += 1;
  const outgoing = { chatId, as: me, text, ...sent };
  /** @type {PendingMessage} */
  const pending = {
    id: `pending-${pendingCount}`,
    viewKey,
    from: { kind: "member", userId: me, name: state.nameOf(me) },
    text,
    format: "text",
    atMs: Date.now(),
    state: "sending",
    ...shown,
    outgoing,
  };
  state.addPending(pending);
  void deliver(pending);
}

/** @param {PendingMessage} pending */
async function deliver(pending) {
  try {
    const { message } = await sendMessage(pending.outgoing);
    state.dropPending(pending);
    // its event may have come first, and may already know more
    if (state.threads.find(message.id) === undefined) state.applyMessage(message);
  } catch (error) {
    state.failPending(pending, explain(error));
  }
}

/** @param {PendingMessage} pending */
function resend(pending) {
  discard(pending);
  const again = { ...pending, state: /** @type {const} */ ("sending"), atMs: Date.now() };
  state.addPending(again);
  void deliver(again);
}

/** @param {PendingMessage} pending */
function discard(pending) {
  state.dropPending(pending);
  composer.focus();
}

/** @param {ChatMessage} message */
function quote(message) {
  // what the simulator does not know yet cannot be quoted
  if (!("outgoing" in message)) composer.quote(message);
}

/**
 * @param {ChatMessage} message
 * @param {FeedbackType} type
 */
async function rate(message, type) {
  const why = type === 2 ? await askReasons() : { reasons: [], comment: "" };
  if (why === null) return;
  const detail = type === 2 ? why : {};
  try {
    await sendFeedback({ messageId: message.id, as: state.me, type, ...detail });
    const newest = state.threads.find(message.id) ?? message;
    state.applyMessage({ ...newest, feedback: { possible: true, given: type } });
    toast(t(type === 3 ? "feedbackTaken" : "feedbackThanks"));
  } catch (error) {
    toast(explain(error), "bad");
  }
}

/** @param {ChatMessage} message */
function showPackets(message) {
  state.choosePacketsOf(message.id);
  panel.show("packets");
  navigation.togglePanel(true);
}

/** @param {ChatMessage} message */
function packetsByClick(message) {
  // where the panel would cover the chat, a mere click must not open it; the toolbar does
  if (navigation.docked) showPackets(message);
}

function showFaults() {
  panel.show("faults");
  navigation.togglePanel(true);
}

/** @param {string} messageId */
function goToMessage(messageId) {
  const place = state.placeOf(state.threads.find(messageId)?.viewKey ?? "");
  if (place === undefined) return;
  const show = () => {
    navigation.goTo(place.chatId, place.me);
    chatView.flash(messageId);
  };
  if (navigation.docked) show();
  else {
    // closing an overlaid panel goes through the browser's history, which tells when it is done
    addEventListener("popstate", show, { once: true });
    navigation.togglePanel(false);
  }
}

/** @param {1 | -1} step */
function moveChat(step) {
  const at = state.chats.findIndex((chat) => chat.id === state.chatId);
  const to = state.chats.at((at + step) % state.chats.length);
  if (to !== undefined) navigation.openChat(to.id);
}

function nextMember() {
  const at = state.members.findIndex((member) => member.userId === state.me);
  const to = state.members[(at + 1) % state.members.length];
  if (to !== undefined) navigation.speakAs(to.userId);
}

function changeLanguage() {
  switchLanguage();
  state.changed("language");
}

/**
 * @param {string} chatId
 * @param {string} me
 */
async function tellOpened(chatId, me) {
  try {
    await openChat(chatId, me);
  } catch (error) {
    toast(explain(error), "bad");
  }
}
