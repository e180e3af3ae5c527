import { useSignal } from "@preact/signals";
import type { Resolution, SecondReviewNext } from "../logic/api-types.ts";
import { FormDialog } from "../parts/dialog.tsx";
import { Choice } from "../parts/fields.tsx";
import { Failure, Loading } from "../parts/states.tsx";
import { post } from "../state/api.ts";
import { useFetched } from "../state/fetched.ts";
import { say } from "../state/toasts.ts";
import { nameOf, t } from "../words/words.ts";
import { RESOLUTIONS } from "./bulk.tsx";
import { Turn } from "./conversation.tsx";

/** A decided case, judged once more without seeing how it was decided. */
export function SecondReviewDialog({ onClose }: { onClose: () => void }) {
  const { now, again } = useFetched<SecondReviewNext>("/second-reviews/next");
  const resolution = useSignal<Resolution | "">("");
  const found = now.value;
  const blind = found.state === "there" ? found.value.case : null;
  return (
    <FormDialog
      title={t("secondReview")}
      submit={t("decide")}
      disabled={blind === null || resolution.value === ""}
      onClose={onClose}
      wide
      testId="second-review"
      onSubmit={async () => {
        await post(`/second-reviews/${blind?.caseNumber}`, { resolution: resolution.value });
        say("good", t("secondReviewKept"));
      }}
    >
      {found.state === "loading" && <Loading />}
      {found.state === "failed" && <Failure error={found.error} onRetry={again} />}
      {found.state === "there" && <p class="hint">{t(blind === null ? "secondReviewNone" : "secondReviewHint")}</p>}
      {blind !== null && (
        <>
          <ol class="turns">
            {blind.turns.map((turn) => (
              <Turn key={turn.turnId} turn={turn} name={turn.userId} />
            ))}
          </ol>
          <Choice
            legend={blind.caseNumber}
            value={resolution.value}
            onChange={(next: Resolution | "") => (resolution.value = next)}
            options={RESOLUTIONS.map((value) => ({ value, label: nameOf("resolution", value) }))}
          />
        </>
      )}
    </FormDialog>
  );
}
