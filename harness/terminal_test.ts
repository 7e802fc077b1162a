import { assert, assertEquals } from "@std/assert";
import { inTempFolder } from "./testdata/temp_folder.ts";
import * as path from "@std/path";

const CHECKOUT = path.resolve(import.meta.dirname!, "..");
/** What a layer of somebody's graph may be called. */
const HOSTILE_PARAM = `7767517
2 2
Input            in\u001b[2J          0 1 in0
ReLU             ##[error]\u202eabc     1 1 in0 out0
`;

Deno.test("what a file holds and what it is called do nothing in a terminal or a log of CI", async () => {
  await inTempFolder(async (folder) => {
    const name = "a\n::error::owned\u001b]0;x\u0007.param";
    await Deno.writeTextFile(path.join(folder, name), HOSTILE_PARAM);
    for (
      const args of [[name], [name, "--json"], [name, name], ["./missing\n::error::x\u001b[2J"]]
    ) {
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", `--config=${CHECKOUT}/deno.json`, `${CHECKOUT}/harness/main.ts`]
          .concat(["inspect", ...args]),
        cwd: folder,
        env: { INIT_CWD: "", NO_COLOR: "1" },
      }).output();
      const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
      assert(text.length > 20, text);
      // deno-lint-ignore no-control-regex
      assertEquals(/[\u0000-\u0008\u000b-\u001f\u202e]/.test(text), false, JSON.stringify(text));
      assertEquals(/^\s*::|##\[/m.test(text), false, JSON.stringify(text));
    }
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        `${CHECKOUT}/harness/main.ts`,
        "inspect",
        path.join(folder, name),
        "--json",
      ],
      cwd: CHECKOUT,
      env: { INIT_CWD: "" },
    }).output();
    assertEquals(JSON.parse(new TextDecoder().decode(stdout)).byType, { Input: 1, ReLU: 1 });
  });
});
