import type { OfficeParts } from "./office-parts.ts";

export interface Relation {
  /** The last word of its type: `slide`, `notesSlide`, `worksheet`, `sharedStrings`. */
  kind: string;
  /** The part's name in the archive. */
  target: string;
}

/** What the part `name` refers to, by id. Targets outside the document are left out: nothing is ever fetched. */
export function relationsOf(parts: OfficeParts, name: string): Map<string, Relation> {
  const slash = name.lastIndexOf("/");
  const folder = name.slice(0, slash + 1);
  const root = parts.xml(`${folder}_rels/${name.slice(slash + 1)}.rels`);
  const relations = new Map<string, Relation>();
  for (const relation of root?.children ?? []) {
    if (relation.attribute("TargetMode") === "External") continue;
    const target = pathFrom(folder, relation.attribute("Target"));
    relations.set(relation.attribute("Id"), { kind: relation.attribute("Type").split("/").at(-1) ?? "", target });
  }
  return relations;
}

/** A name in the archive: absolute ones begin with a slash, others at the folder. It never leaves the archive. */
function pathFrom(folder: string, target: string): string {
  const steps = target.startsWith("/") ? target.split("/") : `${folder}${target}`.split("/");
  const path: string[] = [];
  for (const step of steps) {
    if (step === "..") path.pop();
    else if (step !== "" && step !== ".") path.push(step);
  }
  return path.join("/");
}
