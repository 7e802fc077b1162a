/**
 * The study behind the gate's claims: operating curves, blocks beside Wald's bound, and other
 * methods, on every noise model. Its figures lie in `study.json`.
 *
 * @module
 */
import { type NoiseModel, PHONE_MODELS, VIRTUAL_MACHINE } from "./noise_model.ts";
import {
  type BoundRow,
  boundRow,
  type CurveOptions,
  type CurvePoint,
  operatingCurve,
} from "./operating_curve.ts";
import {
  FULL_SIMULATION,
  simulateModel,
  type SimulationOptions,
  type SimulationRow,
} from "./simulation.ts";

/** The curve of one device. */
export interface Curve {
  model: string;
  threshold: number;
  points: CurvePoint[];
}

/** What a gate that can't be decided costs, with and without an end as soon as that is foreseen. */
export interface FutilityRow {
  model: string;
  threshold: number;
  untilBudget: CurvePoint;
  whenFutile: CurvePoint;
}

/** All figures of the study. */
export interface Study {
  curves: Curve[];
  bounds: BoundRow[];
  futility: FutilityRow[];
  methods: SimulationRow[];
}

/** How the curves and bounds are simulated. */
export const CURVE_OPTIONS: CurveOptions = {
  seed: 17,
  gates: 300,
  calibrationBlocks: 20,
  iterations: 10,
};

/** How the comparison with Wald's bound is simulated: gates without a budget take long. */
export const BOUND_OPTIONS: CurveOptions = { ...CURVE_OPTIONS, gates: 100 };

/** How the other methods are simulated. */
const METHOD_OPTIONS: SimulationOptions = {
  ...FULL_SIMULATION,
  calibrations: 8,
  gatesPerCalibration: 40,
  otherExperiments: 100,
};

/** Blocks that a gate of the curves may take: four launches each. */
export const CURVE_BUDGET_BLOCKS = 20;

/** Thresholds of the curves: what each device is gated at. */
const THRESHOLDS: readonly [NoiseModel, number][] = [VIRTUAL_MACHINE, ...PHONE_MODELS].map((
  model,
  i,
) => [model, [1.05, 1.01, 1.02, 1.05, 1.02][i]]);

/** Thresholds of the comparison with Wald's bound. */
const BOUND_THRESHOLDS = [1.01, 1.02, 1.05] as const;

/** Share of the threshold at which nothing can be decided within the budget. */
const HOPELESS_SHARE = 1 / 6;

/**
 * The throttling phone as a covariate that tells throttling without error would leave it: what
 * frequency and temperature could earn at most.
 */
export const WITHOUT_THROTTLING: NoiseModel = {
  ...PHONE_MODELS[3],
  name: "throttling phone, throttling known",
  throttlePerMinute: 0,
};

/** Returns the curve of one device. */
export function studyCurve(model: NoiseModel, threshold: number, options = CURVE_OPTIONS): Curve {
  const request = { threshold, budgetBlocks: CURVE_BUDGET_BLOCKS, stopsWhenFutile: true };
  return { model: model.name, threshold, points: operatingCurve(model, request, options) };
}

/** Returns the cost of a gate with a sixth of the device's threshold, where nothing changed. */
export function futilityRow(
  model: NoiseModel,
  usual: number,
  options = CURVE_OPTIONS,
): FutilityRow {
  const threshold = 1 + HOPELESS_SHARE * (usual - 1);
  const point = (stopsWhenFutile: boolean) =>
    operatingCurve(
      model,
      { threshold, budgetBlocks: CURVE_BUDGET_BLOCKS, stopsWhenFutile },
      options,
      [0],
    )[0];
  const [untilBudget, whenFutile] = [point(false), point(true)];
  return { model: model.name, threshold, untilBudget, whenFutile };
}

/** One step of the study: its name, and the figures that it gives. */
export interface StudyStep {
  name: string;
  run(): Promise<Partial<Study>>;
}

/** Returns the steps of the study, each of at most a minute. */
export function studySteps(): StudyStep[] {
  const bounded = [...THRESHOLDS.map(([model]) => model), WITHOUT_THROTTLING];
  return [
    ...THRESHOLDS.map(([model, threshold]) => ({
      name: `curves ${model.name}`,
      run: () => Promise.resolve({ curves: [studyCurve(model, threshold)] }),
    })),
    ...THRESHOLDS.map(([model, threshold]) => ({
      name: `futility ${model.name}`,
      run: () => Promise.resolve({ futility: [futilityRow(model, threshold)] }),
    })),
    ...bounded.map((model) => ({
      name: `bounds ${model.name}`,
      run: () =>
        Promise.resolve({
          bounds: BOUND_THRESHOLDS.map((threshold) => boundRow(model, threshold, BOUND_OPTIONS)),
        }),
    })),
    ...THRESHOLDS.map(([model]) => ({
      name: `methods ${model.name}`,
      run: async () => ({ methods: await simulateModel(model, METHOD_OPTIONS) }),
    })),
  ];
}

/** Returns the study with the figures of the parts in place of those of the same devices. */
export function withFigures(study: Study, part: Partial<Study>): Study {
  const order = [...THRESHOLDS.map(([model]) => model.name), WITHOUT_THROTTLING.name];
  const merged = <T extends { model: string }>(old: readonly T[], fresh: readonly T[] = []) =>
    [...old.filter(({ model }) => fresh.every((row) => row.model !== model)), ...fresh]
      .toSorted((a, b) => order.indexOf(a.model) - order.indexOf(b.model));
  return {
    curves: merged(study.curves, part.curves),
    bounds: merged(study.bounds, part.bounds),
    futility: merged(study.futility, part.futility),
    methods: merged(study.methods, part.methods),
  };
}

/** A study without figures. */
export const NO_STUDY: Study = { curves: [], bounds: [], futility: [], methods: [] };
