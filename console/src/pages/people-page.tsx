import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { PeopleList } from "../logic/api-types.ts";
import { hrefOf } from "../logic/routes.ts";
import { SearchForm } from "../parts/search-form.tsx";
import { Empty, Failure, Loading } from "../parts/states.tsx";
import { Ago, At } from "../parts/time.tsx";
import { get } from "../state/api.ts";
import { type Fetched, useFetched } from "../state/fetched.ts";
import { go } from "../state/navigation.ts";
import { say } from "../state/toasts.ts";
import { explain } from "../state/words-of-errors.ts";
import { t } from "../words/words.ts";
import { PersonView } from "./person-view.tsx";

interface PeoplePageProps {
  userId: string | null;
  q: string;
  restricted: boolean;
}

export function PeoplePage(props: PeoplePageProps) {
  if (props.userId !== null) return <PersonView key={props.userId} userId={props.userId} />;
  return <PeopleSearch q={props.q} restricted={props.restricted} />;
}

/** More than this on one page is searched for, not scrolled to. */
const PEOPLE_MAX = 500;

function PeopleSearch({ q, restricted }: { q: string; restricted: boolean }) {
  const query = new URLSearchParams({ limit: "50" });
  if (q !== "") query.set("q", q);
  if (restricted) query.set("restricted", "true");
  const { now, again } = useFetched<PeopleList>(`/people?${query}`);
  const search = (next: string) => go({ page: "people", userId: null, q: next, restricted }, { replace: true });
  return (
    <div class="page">
      <header class="page-head">
        <h1>{t("people")}</h1>
        <SearchForm label={t("searchPeople")} value={q} maxLength={64} onSearch={search} />
        <button
          type="button"
          class="chip"
          aria-pressed={restricted}
          onClick={() => go({ page: "people", userId: null, q, restricted: !restricted }, { replace: true })}
        >
          {t("restrictedOnly")}
        </button>
      </header>
      <PeopleFound found={now.value} again={again} more={query.toString()} />
    </div>
  );
}

function PeopleFound({ found, again, more }: { found: Fetched<PeopleList>; again: () => void; more: string }) {
  const added = useSignal<PeopleList>({ people: [], cursor: null });
  useEffect(() => {
    added.value = { people: [], cursor: found.state === "there" ? found.value.cursor : null };
  }, [found]);
  if (found.state === "loading") return <Loading />;
  if (found.state === "failed") return <Failure error={found.error} onRetry={again} />;
  const people = [...found.value.people, ...added.value.people];
  if (people.length === 0) return <Empty icon="people" title={t("nobodyFound")} text={t("nobodyFoundText")} />;
  const loadMore = async () => {
    try {
      const next = await get<PeopleList>(`/people?${more}&cursor=${encodeURIComponent(added.value.cursor ?? "")}`);
      added.value = { people: [...added.value.people, ...next.people], cursor: next.cursor };
    } catch (error) {
      say("bad", explain(error));
    }
  };
  return (
    <div class="card table-card">
      <table class="table stack">
        <thead>
          <tr>
            <th scope="col">{t("member")}</th>
            <th scope="col" class="right">
              {t("turns90")}
            </th>
            <th scope="col" class="right">
              {t("flags90")}
            </th>
            <th scope="col" class="right">
              {t("confirmed90")}
            </th>
            <th scope="col">{t("lastSeen")}</th>
            <th scope="col">{t("restriction")}</th>
          </tr>
        </thead>
        <tbody>
          {people.map((person) => (
            <tr key={person.userId} data-testid="person-row">
              <th scope="row">
                <a href={hrefOf({ page: "people", userId: person.userId, q: "", restricted: false })}>{person.name}</a>{" "}
                <span class="mono soft">{person.userId}</span>
              </th>
              <td class="right number" data-label={t("turns90")}>
                {person.turns90Days}
              </td>
              <td class="right number" data-label={t("flags90")}>
                {person.flags90Days}
              </td>
              <td class="right number" data-label={t("confirmed90")}>
                {person.confirmed90Days}
              </td>
              <td data-label={t("lastSeen")}>
                <Ago ms={person.lastSeenAtMs} />
              </td>
              <td data-label={t("restriction")}>
                {person.restricted ? (
                  <span class="due overdue">
                    {person.restrictedUntilMs === null ? t("untilLifted") : <At ms={person.restrictedUntilMs} />}
                  </span>
                ) : (
                  <span class="soft">–</span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {added.value.cursor !== null && people.length < PEOPLE_MAX && (
        <p class="more">
          <button type="button" class="button" onClick={() => void loadMore()}>
            {t("loadMore")}
          </button>
        </p>
      )}
    </div>
  );
}
