/**
 * The files that a page is put together from: template, styles, scripts and chart.js.
 *
 * @module
 */
import { Chart } from "chart.js";
import { HarnessError } from "../errors.ts";

/** Everything that goes into a page besides its data. */
export interface PageAssets {
  /** `page.html` with its `{{…}}`. */
  template: string;
  style: string;
  /** Runs before anything is painted. */
  early: string;
  /** chart.js as a classic script that defines `Chart`. */
  chart: string;
  /** The page's own modules by file name, see {@linkcode bundle}. */
  modules: Map<string, string>;
}

const TEMPLATE = new URL("../../reports/template/", import.meta.url);

/**
 * Returns the assets, read from `reports/template/` and from the npm package chart.js.
 *
 * Throws `HarnessError` `missing-tool` when a file can't be read.
 */
export async function readAssets(): Promise<PageAssets> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(TEMPLATE)) {
    if (entry.isFile && entry.name.endsWith(".js") && entry.name !== "early.js") {
      names.push(entry.name);
    }
  }
  const [template, style, early, chart, ...sources] = await Promise.all([
    ...["page.html", "style.css", "early.js"].map((name) => readText(new URL(name, TEMPLATE))),
    // the package's entry is an ES module; the classic script lies beside it
    readText(new URL("./chart.umd.min.js", import.meta.resolve("chart.js"))),
    ...names.map((name) => readText(new URL(name, TEMPLATE))),
  ]);
  if (!chart.includes(`v${Chart.version}`)) {
    throw new HarnessError(
      "missing-tool",
      `Cannot make the report: the script of chart.js is not of version ${Chart.version}. Remove the package from Deno's cache and run again`,
    );
  }
  return {
    template,
    style,
    early,
    chart: chart.replace(/\n\/\/# sourceMappingURL=.*\s*$/, "\n"),
    modules: new Map(names.map((name, i) => [name, sources[i]])),
  };
}

async function readText(url: URL): Promise<string> {
  try {
    return await Deno.readTextFile(url);
  } catch (cause) {
    throw new HarnessError(
      "missing-tool",
      `Cannot make the report: ${url.pathname} could not be read (${
        (cause as Error).message
      }). Is the installation of Posemark complete?`,
      { cause },
    );
  }
}
