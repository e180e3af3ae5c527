import { useSignal } from "@preact/signals";
import type { EraseReport, HoldList, PersonDetail, Restriction } from "../logic/api-types.ts";
import { maySetHours, samePerson } from "../logic/decisions.ts";
import { FormDialog } from "../parts/dialog.tsx";
import { TextField } from "../parts/fields.tsx";
import { get, post } from "../state/api.ts";
import { role } from "../state/session.ts";
import { say } from "../state/toasts.ts";
import { nameOf, t } from "../words/words.ts";
import { ReasonField } from "./case-dialogs.tsx";
import { type RestrictChoice, RestrictFields } from "./restrict-fields.tsx";

interface PersonDialogProps {
  person: PersonDetail;
  onClose: () => void;
  onDone: () => void;
}

function pathOf(person: PersonDetail): string {
  return `/people/${encodeURIComponent(person.userId)}`;
}

export function RestrictPersonDialog({ person, onClose, onDone }: PersonDialogProps) {
  const choice = useSignal<RestrictChoice>({ kind: "mute", hours: 24 });
  const reason = useSignal("");
  return (
    <FormDialog
      title={t("restrictTitle", { name: person.name })}
      submit={nameOf("kind", choice.value.kind)}
      disabled={reason.value.trim() === "" || !maySetHours(role.value, choice.value.hours)}
      onClose={onClose}
      testId="restrict-dialog"
      onSubmit={async () => {
        await post<Restriction>(`${pathOf(person)}/restrictions`, { ...choice.value, reason: reason.value.trim() });
        say("good", t("restricted", { name: person.name }));
        onDone();
      }}
    >
      <RestrictFields choice={choice.value} onChange={(next) => (choice.value = next)} />
      <ReasonField value={reason.value} onInput={(next) => (reason.value = next)} required first />
    </FormDialog>
  );
}

/** Without a restriction it is the pause that the policy set. */
export function LiftDialog(props: PersonDialogProps & { restriction: Restriction | null }) {
  const { person, restriction, onClose, onDone } = props;
  const reason = useSignal("");
  return (
    <FormDialog
      title={t("liftTitle", { name: person.name })}
      submit={t("lift")}
      disabled={reason.value.trim() === ""}
      onClose={onClose}
      testId="lift-dialog"
      onSubmit={async () => {
        const path = restriction === null ? "lift-pause" : `restrictions/${restriction.restrictionId}/lift`;
        await post(`${pathOf(person)}/${path}`, { reason: reason.value.trim() });
        say("good", t("liftedNow", { name: person.name }));
        onDone();
      }}
    >
      <ReasonField value={reason.value} onInput={(next) => (reason.value = next)} required first />
    </FormDialog>
  );
}

/** Places a hold on the person, or lifts the one that is there. Under it neither retention nor erasure touches what is kept. */
export function HoldDialog({ person, onClose, onDone }: PersonDialogProps) {
  const reason = useSignal("");
  const { onHold, name, userId } = person;
  return (
    <FormDialog
      title={onHold ? t("liftHoldTitle", { name }) : t("holdTitle", { name })}
      submit={onHold ? t("liftHold") : t("hold")}
      disabled={!onHold && reason.value.trim() === ""}
      onClose={onClose}
      testId="hold-dialog"
      onSubmit={async () => {
        if (onHold) await liftHolds(userId);
        else await post("/holds", { kind: "member", userId, reason: reason.value.trim() });
        say("good", onHold ? t("holdLifted", { name }) : t("holdPlaced", { name }));
        onDone();
      }}
    >
      {!onHold && <ReasonField value={reason.value} onInput={(next) => (reason.value = next)} required first />}
    </FormDialog>
  );
}

async function liftHolds(userId: string): Promise<void> {
  const { holds } = await get<HoldList>("/holds");
  for (const hold of holds) {
    if (hold.kind === "member" && samePerson(hold.userId, userId)) await post(`/holds/${hold.holdId}/lift`);
  }
}

export function EraseDialog({ person, onClose, onDone }: PersonDialogProps) {
  const reason = useSignal("");
  const confirm = useSignal("");
  return (
    <FormDialog
      title={t("eraseTitle", { name: person.name })}
      submit={t("erase")}
      kind="danger"
      disabled={reason.value.trim() === "" || !samePerson(confirm.value.trim(), person.userId)}
      onClose={onClose}
      testId="erase-dialog"
      onSubmit={async () => {
        const body = { reason: reason.value.trim(), confirm: confirm.value.trim() };
        const report = await post<EraseReport>(`${pathOf(person)}/erase`, body);
        say(report.held ? "plain" : "good", report.held ? t("eraseHeld") : t("erased", { ...report, held: "" }));
        onDone();
      }}
    >
      <p class="notice bad">{t("eraseWarning")}</p>
      <ReasonField value={reason.value} onInput={(next) => (reason.value = next)} required first />
      <TextField
        label={t("eraseConfirm", { userId: person.userId })}
        value={confirm.value}
        maxLength={64}
        required
        onInput={(next) => (confirm.value = next)}
        testId="erase-confirm"
      />
    </FormDialog>
  );
}
