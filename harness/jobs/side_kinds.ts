/**
 * The kinds of sides: how each is opened.
 *
 * @module
 */
import type { VariantOptions } from "../config.ts";
import { HarnessError } from "../errors.ts";
import { layerSetOf } from "../model/ncnn/layer_set.ts";
import { paramFile, type PreparedVariant } from "../model/prepare.ts";
import type { VariantManifest } from "../record/variant.ts";
import type { Side } from "../run/experiment.ts";
import { commitModels, type CommitTree, openCommit, ownsRunner } from "./commit.ts";
import {
  choiceLike,
  type OwnRequest,
  ownSide,
  prepareChoice,
  readPreparedFolder,
  type SidesContext,
  variantSide,
} from "./own_sides.ts";
import type { SideName } from "./side_names.ts";

/** A name of one kind. */
type NameOf<K extends SideName["kind"]> = Extract<SideName, { kind: K }>;

/** What a side is opened with. */
export interface OpenSide {
  request: OwnRequest;
  context: SidesContext;
  /** Gives back what the side holds. */
  stack: AsyncDisposableStack;
  /** Choice of the variants: what the options say, or the like of the other side. */
  choice: VariantOptions;
}

/** How sides of a kind are opened. */
interface SideKind<K extends SideName["kind"]> {
  /**
   * Whether the variant options say which variants it has: then several can be gated against those
   * of the other side.
   */
  isMade: boolean;
  open(name: NameOf<K>, setup: OpenSide): Promise<Side[]>;
}

const SAVED: SideKind<"run"> & SideKind<"latest"> = {
  isMade: false,
  open: () =>
    Promise.reject(
      new HarnessError(
        "bad-option",
        "Cannot mix a saved run with something to be run: name two runs (the baseline also by latest), or two of git:REF, ncnn:, pnnx:, ultralytics:, models, prepared folders and variants",
      ),
    ),
};

const SIDE_KINDS: { [K in SideName["kind"]]: SideKind<K> } = {
  git: {
    isMade: true,
    async open({ ref }, { request, context, stack, choice }) {
      const { models } = request.variants;
      const tree = stack.use(await openCommit(models, ref, context.signal));
      const variants = await prepareChoice(
        { ...choice, models: await commitModels(tree, models) },
        request,
        context,
      );
      return variants.map((variant) => commitSide(variant, ref, tree, request, context));
    },
  },
  tool: {
    isMade: true,
    async open({ tool, version }, { request, context, choice }) {
      const own: OwnRequest = tool === "ncnn"
        ? { ...request, ncnnSource: version }
        : { ...request, tools: { ...request.tools, [tool]: version } };
      requireUse({ kind: "tool", tool, version }, choice);
      const variants = await prepareChoice(choice, own, context);
      return variants.map((variant) => {
        const side = ownSide(variant, own, context);
        return { ...side, name: `${side.name} by ${tool} ${version}` };
      });
    },
  },
  model: {
    isMade: true,
    async open({ model }, { request, context, choice }) {
      const variants = await prepareChoice({ ...choice, models: [model] }, request, context);
      return variants.map((variant) => ownSide(variant, request, context));
    },
  },
  folder: {
    isMade: false,
    open: async ({ dir }, { request, context }) => [
      ownSide(await readPreparedFolder(dir), request, context),
    ],
  },
  variant: {
    isMade: false,
    open: async ({ id }, { request, context }) => [await variantSide(id, request, context)],
  },
  run: SAVED,
  latest: SAVED,
};

/** Returns whether the variant options say which variants the side has. */
export function isMadeByOptions({ kind }: SideName): boolean {
  return SIDE_KINDS[kind].isMade;
}

/**
 * Returns the sides of a name. `like`: the variant on the other side, whose like is wanted; null:
 * what the options produce. Throws what preparing throws, and `bad-option` for saved runs and for a
 * tool that the variants don't use.
 */
export async function openSideName(
  name: SideName,
  like: VariantManifest | null,
  setup: Omit<OpenSide, "choice">,
): Promise<Side[]> {
  const { variants } = setup.request;
  const choice = like === null ? variants : choiceLike(like, variants);
  const kind = SIDE_KINDS[name.kind] as SideKind<SideName["kind"]>;
  return await kind.open(name as never, { ...setup, choice });
}

/** Throws when the tool takes no part in what is made: the sides would not differ. */
export function requireUse(
  { tool, version }: NameOf<"tool">,
  { models, converters }: Pick<VariantOptions, "models" | "converters">,
): void {
  const refuse = (found: string, remedy: string) =>
    new HarnessError(
      "bad-option",
      `Cannot compare by ${tool}:${version}: ${found}, so that nothing would differ: ${remedy}`,
    );
  if (tool === "pnnx" && converters.every((converter) => converter === "onnx2ncnn")) {
    throw refuse("onnx2ncnn converts", "use --converter pnnx");
  }
  if (tool === "ultralytics" && models.every((model) => /\.onnx$/i.test(model))) {
    throw refuse(
      "the models are ONNX files, which were exported already",
      "name a checkpoint (.pt) by --model",
    );
  }
}

/** A commit of Posemark's own repository builds its own runner, with the ncnn that it pins. */
function commitSide(
  variant: PreparedVariant,
  ref: string,
  tree: CommitTree,
  request: OwnRequest,
  context: SidesContext,
): Side {
  const side = ownSide(variant, request, context);
  const ncnnSource = request.ncnnSource ?? undefined;
  return {
    ...side,
    name: `${variant.manifest.id} of git:${ref} (${tree.commit.slice(0, 8)})`,
    build: ownsRunner(tree)
      ? async (target, kind, cpuFeatures) => {
        const layers = await layerSetOf(paramFile(variant));
        const what = { target, kind, cpuFeatures, layers, ncnnSource };
        return await tree.buildRunner({ ...what, ...context });
      }
      : side.build,
  };
}
