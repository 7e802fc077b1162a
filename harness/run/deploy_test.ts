import { assertEquals } from "@std/assert";
import { testManifest } from "../parity/testdata/manifest.ts";
import { deploy, devicePaths } from "./deploy.ts";
import { runCommand } from "./runner_command.ts";
import { fakeDevice } from "./testdata/fake_device.ts";
import { runnerOptions } from "./testdata/records.ts";

Deno.test("deploy() gives each variant the runner of its own side, and pushes a shared one once", async () => {
  const { device, description } = fakeDevice({ totalNs: () => [] });
  const pushed: string[] = [];
  const watched = {
    ...device,
    push: (file: string) => {
      pushed.push(file);
      return Promise.resolve(file);
    },
  };
  const side = (id: string, runner: string) => ({
    variant: { manifest: testManifest({ id }), dir: `/${id}` },
    runner,
    benchncnn: null,
  });
  const sides = [side("base", "/bin/base"), side("new", "/bin/new"), side("more", "/bin/new")];
  const setup = await deploy(watched, description, sides, {
    runId: "r",
    options: runnerOptions(),
  });
  const programs = sides.map(({ variant: { manifest } }) =>
    runCommand(manifest, devicePaths(setup, manifest.id, "list.tsv"), setup.options)[0]
  );
  assertEquals(programs, ["/bin/base", "/bin/new", "/bin/new"]);
  assertEquals(pushed.filter((file) => file.startsWith("/bin/")), ["/bin/base", "/bin/new"]);
});
