/**
 * The text of `--categories` → which classes stand for which categories (pure).
 *
 * @module
 */
import { HarnessError } from "../errors.ts";

/** One part of `--categories`: what stands for which categories. */
export interface CategoryRule {
  /** A class by number or name; for `evaluate` a category of the results. */
  from: string;
  /** Categories by id or name; `*`: all. */
  to: readonly string[];
}

/**
 * Returns the rules of a text like `0=1,dog=hound`, `0=1+2` (both count as one) or `0=*`; throws
 * `HarnessError` `bad-option` for another text.
 */
export function parseCategoryRules(text: string): CategoryRule[] {
  return text.split(",").map((part) => {
    const [from, to, ...more] = part.split("=").map((side) => side.trim());
    const targets = to?.split("+").map((each) => each.trim()) ?? [];
    if (more.length === 0 && from !== "" && targets.length > 0 && !targets.includes("")) {
      return { from, to: targets };
    }
    throw new HarnessError(
      "bad-option",
      `Cannot use --categories "${text}": found "${part}", expected CLASS=CATEGORY by number or name, for instance 0=1,1=3 or dog=hound; several categories of one class as 0=1+2, all as 0=*`,
    );
  });
}
