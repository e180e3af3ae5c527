import { setImmediate as nextTick } from "node:timers/promises";
import { decide } from "./decide.ts";
import { refusalOf } from "./messages.ts";
import type { Policy } from "./policy.ts";
import { TextScan } from "./text-scan.ts";
import { ACTIONS, type Action, type ModerationContext, type Moderator, type StreamChecker, type Verdict } from "./verdict.ts";
