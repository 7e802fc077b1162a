/**
 * Names of pictures in annotations → files of a folder: other tools write them in other ways
 * (pure).
 *
 * @module
 */

/** A way in which a name and a path are made alike. Each comes after those before it. */
interface NormalForm {
  /** How a message calls the difference; null for one that is worth no word. */
  difference: string | null;
  of(name: string): string;
}

/** Normal forms in the order in which they are tried. */
const FORMS: readonly NormalForm[] = [
  { difference: null, of: (name) => name },
  {
    difference: null,
    of: (name) => name.replaceAll("\\", "/").replace(/\/{2,}/g, "/").replace(/^(?:\.?\/)+/, ""),
  },
  { difference: null, of: urlPath },
  { difference: null, of: percentDecoded },
  { difference: null, of: (name) => name.normalize("NFC") },
  { difference: "in upper and lower case", of: (name) => name.toLowerCase() },
  { difference: "in the extension", of: (name) => name.replace(/\.[a-z0-9]{2,5}$/i, "") },
];

/** `https://host/a/b.jpg?sig=…` → `a/b.jpg`; Label Studio's `/data/local-files/?d=a/b.jpg` too. */
function urlPath(name: string): string {
  const local = /[?&]d=([^&]+)/.exec(name);
  if (local !== null) return local[1];
  const [, rest] = /^[a-z][a-z0-9+.-]*:\/?\/?(?:[^/]*)\/(.*)$/i.exec(name) ?? [];
  if (rest === undefined) return name;
  return rest.replace(/[?#].*$/, "").replace(/^\/+/, "");
}

function percentDecoded(name: string): string {
  return name.replace(/(?:%[0-9a-f]{2})+/gi, (part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
}

/** Returns the name after the first `level` forms. */
function inForm(name: string, level: number): string {
  let form = name;
  for (const { of } of FORMS.slice(0, level + 1)) form = of(form);
  return form;
}

const lastPart = (name: string) => name.slice(name.lastIndexOf("/") + 1);

/** Names with the files that they mean. */
export interface NameMatches {
  /** Index of the file by index of the name; null for a name without a file. */
  fileOf: (number | null)[];
  /** Differences that were passed over, each with how often and one pair. */
  differences: { difference: string; count: number; name: string; file: string }[];
}

/**
 * Returns which file each name means.
 *
 * A whole path in any form comes before a path that ends alike, and that before a bare file name in
 * another folder, which must be unique on both sides. Forms: as it is, `\` as `/`, the path of a
 * URL, percent-decoded, composed Unicode, lower case, without extension. A name that several files
 * would fit has none.
 */
export function matchNames(names: readonly string[], files: readonly string[]): NameMatches {
  const fileOf: (number | null)[] = names.map(() => null);
  const told = new Map<string, NameMatches["differences"][number]>();
  const tell = (difference: string, name: number, file: number) => {
    const known = told.get(difference);
    if (known !== undefined) known.count++;
    else told.set(difference, { difference, count: 1, name: names[name], file: files[file] });
  };
  const levels = FORMS.map((_, level) => ({
    names: names.map((name) => inForm(name, level)),
    files: files.map((file) => inForm(file, level)),
  }));
  for (const how of ["whole", "suffix", "last"] as const) {
    for (const [level, form] of levels.entries()) {
      const open = names.keys().filter((name) => fileOf[name] === null).toArray();
      if (open.length === 0) break;
      const index = Map.groupBy(
        files.keys(),
        (file) => how === "whole" ? form.files[file] : lastPart(form.files[file]),
      );
      const rivals = how === "last"
        ? countsOf(open.map((name) => lastPart(form.names[name])))
        : null;
      for (const name of open) {
        const own = form.names[name];
        const key = how === "whole" ? own : lastPart(own);
        const found = (index.get(key) ?? []).filter((file) =>
          how !== "suffix" || endsAlike(own, form.files[file])
        );
        if (found.length !== 1 || key === "" || (rivals?.get(key) ?? 1) > 1) continue;
        fileOf[name] = found[0];
        const { difference } = FORMS[level];
        if (difference !== null) tell(difference, name, found[0]);
        else if (how === "last") tell("in the folder", name, found[0]);
      }
    }
  }
  return { fileOf, differences: [...told.values()] };
}

function countsOf(keys: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}

/** True when one path is the end of the other. */
function endsAlike(a: string, b: string): boolean {
  return a === b || a.endsWith(`/${b}`) || b.endsWith(`/${a}`);
}
