/**
 * The classes of a model → the annotated categories that they stand for: by rule, by name, else by
 * order (pure).
 *
 * @module
 */
import { HarnessError, type Warning } from "../errors.ts";
import type { CategoryRule } from "./category_rules.ts";
import type { CocoAnnotations, CocoCategory } from "./coco_annotations.ts";

/** Classes with the categories that they stand for. */
export interface ClassPairing {
  /** Category id by class; null for a class that no category stands for. */
  classes: (number | null)[];
  /** Under which id the objects of a category are judged; without it they are left out. */
  categoryOf: Map<number, number>;
  /** Why the pairing can't be known, as a clause; null when it is. */
  absent: string | null;
  warnings: Warning[];
}

/** A model's classes. */
export interface ModelClasses {
  classCount: number;
  names?: readonly string[] | null;
}

/** Returns a category's or class's name as names are compared. */
export function plainName(name: string): string {
  return name.normalize("NFKC").trim().toLowerCase().replace(/[\s_-]+/g, " ");
}

/** Returns the ids of the categories that a rule names; throws `bad-option` for an unknown one. */
export function categoriesOfRule(
  rule: CategoryRule,
  categories: readonly CocoCategory[],
): number[] {
  return rule.to.flatMap((text) => {
    if (text === "*") return categories.map(({ id }) => id);
    const found = categories.find(({ id }) => String(id) === text) ??
      categories.find(({ name }) => name !== null && plainName(name) === plainName(text));
    if (found !== undefined) return [found.id];
    throw new HarnessError(
      "bad-option",
      `Cannot use --categories: "${text}" is no category, expected one of ${
        categories.map(labelOf).join(", ")
      }`,
    );
  });
}

/** Returns the annotations with categories that one rule names together as the first of them. */
export function mergedCategories(annotations: CocoAnnotations): CocoAnnotations {
  const target = new Map<number, number>();
  for (const rule of annotations.categoryRules ?? []) {
    const [first, ...others] = categoriesOfRule(rule, annotations.categories);
    for (const id of others) if (id !== first) target.set(id, first);
  }
  if (target.size === 0) return annotations;
  return {
    ...annotations,
    categories: annotations.categories.filter(({ id }) => !target.has(id)),
    annotations: annotations.annotations.map((annotation) => ({
      ...annotation,
      categoryId: target.get(annotation.categoryId) ?? annotation.categoryId,
    })),
  };
}

function labelOf({ id, name }: CocoCategory): string {
  return name === null ? String(id) : `${id} "${name}"`;
}

/**
 * Returns which category each class stands for.
 *
 * Rules decide; else names, where at least one class has the name of a category; else the order, by
 * ascending id. Of more categories than classes those without objects are passed over where that
 * makes the counts equal (Roboflow writes a category 0 above all). A model of one class without a
 * category of its name stands for all categories with objects.
 */
export function pairClasses(
  annotations: CocoAnnotations,
  model: ModelClasses,
  rules: readonly CategoryRule[] | null,
): ClassPairing {
  if (rules !== null) return pairByRules(annotations, model, rules);
  return pairByName(annotations, model) ?? pairByOrder(annotations, model);
}

function pairByRules(
  annotations: CocoAnnotations,
  { classCount, names = null }: ModelClasses,
  rules: readonly CategoryRule[],
): ClassPairing {
  const classes = new Array<number | null>(classCount).fill(null);
  const categoryOf = new Map<number, number>();
  for (const rule of rules) {
    const byName = names?.findIndex((name) => plainName(name) === plainName(rule.from)) ?? -1;
    const index = /^\d+$/.test(rule.from) ? Number(rule.from) : byName;
    if (index < 0 || index >= classCount) {
      throw new HarnessError(
        "bad-option",
        `Cannot use --categories: "${rule.from}" is no class of the model, expected a number from 0 to ${
          classCount - 1
        }${names === null ? "" : ` or one of ${names.join(", ")}`}`,
      );
    }
    const ids = categoriesOfRule(rule, annotations.categories);
    const target = categoryOf.get(ids[0]) ?? ids[0];
    classes[index] = target;
    for (const id of ids) categoryOf.set(id, target);
  }
  return {
    classes,
    categoryOf,
    absent: null,
    warnings: leftOut(annotations, { classCount, names }, classes, categoryOf),
  };
}

function pairByName(annotations: CocoAnnotations, model: ModelClasses): ClassPairing | null {
  const { names = null } = model;
  if (names === null) return null;
  const counts = objectCounts(annotations);
  // of two categories of one name the one with objects
  const ofName = new Map<string, number>();
  for (const { id, name } of annotations.categories) {
    if (name === null) continue;
    const key = plainName(name);
    const other = ofName.get(key);
    if (other === undefined || (counts.get(other) ?? 0) === 0) ofName.set(key, id);
  }
  const classes = names.map((name) => ofName.get(plainName(name)) ?? null);
  if (classes.every((id) => id === null)) return null;
  const categoryOf = new Map(classes.flatMap((id) => id === null ? [] : [[id, id]]));
  return {
    classes,
    categoryOf,
    absent: null,
    warnings: leftOut(annotations, model, classes, categoryOf),
  };
}

function pairByOrder(annotations: CocoAnnotations, model: ModelClasses): ClassPairing {
  const { classCount, names = null } = model;
  const { categories } = annotations;
  const counts = objectCounts(annotations);
  const withObjects = categories.filter(({ id }) => counts.has(id));
  if (classCount === 1 && withObjects.length > 1) {
    const [{ id: target }] = withObjects;
    return {
      classes: [target],
      categoryOf: new Map(withObjects.map(({ id }) => [id, target])),
      absent: null,
      warnings: [{
        code: "categories-merged",
        message: `The model has one class${
          named(names)
        } and the annotations have objects of ${withObjects.length} categories (${
          withObjects.map(labelOf).join(", ")
        }): all of them are judged as that class.`,
        advice: "Name one of them, or several, by --categories, for instance 0=1 or 0=1+2.",
      }],
    };
  }
  const kept = passOver(categories, classCount, counts);
  if (kept === null) {
    return {
      classes: Array.from({ length: classCount }, () => null),
      categoryOf: new Map(),
      absent: `the model has ${classCount} classes${
        named(names)
      }, the annotations have ${categories.length} categories (${
        categories.slice(0, 8).map(labelOf).join(", ")
      }${
        categories.length > 8 ? ", …" : ""
      }), and neither names nor counts say which stands for which: say it by --categories, for instance 0=1,1=2`,
      warnings: [],
    };
  }
  const classes = Array.from({ length: classCount }, (_, index) => kept[index]?.id ?? null);
  const categoryOf = new Map(classes.flatMap((id) => id === null ? [] : [[id, id]]));
  const isPlain = classCount === 1 && categories.length === 1 && names === null;
  const pairs = classes.slice(0, 8).map((id, index) => {
    const category = categories.find((each) => each.id === id);
    const label = names?.[index] === undefined ? String(index) : `${index} "${names[index]}"`;
    return `${label} → ${category === undefined ? "none" : labelOf(category)}`;
  });
  return {
    classes,
    categoryOf,
    absent: null,
    warnings: isPlain ? [] : [{
      code: "classes-by-order",
      message: `Classes and categories are paired by their order, ${
        names === null ? "for the model names no classes" : "for no class has a category's name"
      }: ${pairs.join(", ")}${classCount > 8 ? ", …" : ""}.`,
      advice: "Look whether that is right, and set it by --categories where it isn't.",
    }, ...leftOut(annotations, model, classes, categoryOf)],
  };
}

function named(names: readonly string[] | null): string {
  return names === null ? "" : ` (${names.slice(0, 5).join(", ")}${names.length > 5 ? ", …" : ""})`;
}

/** Returns the categories that classes stand for in their order; null when that isn't clear. */
function passOver(
  categories: readonly CocoCategory[],
  classCount: number,
  counts: ReadonlyMap<number, number>,
): readonly CocoCategory[] | null {
  if (categories.length <= classCount) return categories;
  const supers = new Set(categories.flatMap(({ supercategory }) => supercategory ?? []));
  const isEmpty = ({ id }: CocoCategory) => !counts.has(id);
  const ways = [
    (category: CocoCategory) => isEmpty(category) && supers.has(category.name ?? ""),
    isEmpty,
    (category: CocoCategory) => isEmpty(category) && category.id === 0,
  ];
  for (const isPassed of ways) {
    const kept = categories.filter((category) => !isPassed(category));
    if (kept.length === classCount) return kept;
  }
  return null;
}

/** Objects by category, of those that have any. */
function objectCounts({ annotations }: CocoAnnotations): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { categoryId } of annotations) {
    counts.set(categoryId, (counts.get(categoryId) ?? 0) + 1);
  }
  return counts;
}

/** Warnings of classes without a category and of annotated categories without a class. */
function leftOut(
  annotations: CocoAnnotations,
  { names = null }: ModelClasses,
  classes: readonly (number | null)[],
  categoryOf: ReadonlyMap<number, number>,
): Warning[] {
  const warnings: Warning[] = [];
  const alone = classes.flatMap((id, index) => id === null ? [names?.[index] ?? `${index}`] : []);
  if (alone.length > 0) {
    warnings.push({
      code: "classes-not-annotated",
      message: `${alone.length} of the model's ${classes.length} classes have no category (${
        alone.slice(0, 5).join(", ")
      }${alone.length > 5 ? ", …" : ""}): their detections count for nothing in the AP.`,
      advice: "Pair them by --categories if the annotations have their objects under other names.",
    });
  }
  const counts = objectCounts(annotations);
  const unpaired = annotations.categories.filter(({ id }) => counts.has(id) && !categoryOf.has(id));
  if (unpaired.length > 0) {
    warnings.push({
      code: "categories-left-out",
      message: `No class of the model stands for ${
        unpaired.slice(0, 5).map((each) =>
          `category ${labelOf(each)} (${counts.get(each.id)} objects)`
        )
          .join(", ")
      }${unpaired.length > 5 ? ", …" : ""}: the AP is without them.`,
      advice: "Pair them by --categories if the model finds them under another name.",
    });
  }
  return warnings;
}
