import { assertEquals, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";

interface Wrapper extends AsyncDisposable {
  password: string;
  /** Runs the wrapper as a user without rights. */
  run(
    environment?: Record<string, string>,
  ): Promise<{ code: number; stdout: string; stderr: string }>;
}

/** The wrapper with a password file of its own, and an npx that tells what it was given. */
async function setUp(): Promise<Wrapper> {
  const dir = await Deno.makeTempDir();
  await Deno.chmod(dir, 0o755);
  const password = path.join(dir, "store-password");
  const text = await Deno.readTextFile(new URL("./slurm/posemark-shard", import.meta.url));
  const wrapper = path.join(dir, "posemark-shard");
  await Deno.writeTextFile(wrapper, text.replace("/etc/posemark/store-password", password));
  await Deno.writeTextFile(
    path.join(dir, "npx"),
    `#!/bin/sh\necho "$* \${POSEMARK_STORE_PASSWORD_FILE-none} $POSEMARK_CACHE"\n`,
    { mode: 0o755 },
  );
  // To root every file is readable.
  const user = Deno.uid() === 0 ? ["setpriv", "--reuid=65534", "--clear-groups"] : [];
  return {
    password,
    async run(environment = {}) {
      const [program, ...args] = [...user, "sh", wrapper];
      const output = await new Deno.Command(program, {
        args,
        clearEnv: true,
        env: {
          PATH: `${dir}:${Deno.env.get("PATH") ?? "/usr/bin:/bin"}`,
          POSEMARK_HOME: dir,
          ...environment,
        },
      }).output();
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
      return { code: output.code, stdout: text(output.stdout), stderr: text(output.stderr) };
    },
    [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }),
  };
}

Deno.test("posemark-shard hands on a password file that it can read, and goes without where there is none", async () => {
  await using wrapper = await setUp();
  const shard = "-y deno@2.9.6 task shard";
  assertEquals(
    (await wrapper.run({ POSEMARK_CACHE: "/c" })).stdout,
    `${shard} none /c`,
  );
  await Deno.writeTextFile(wrapper.password, "x", { mode: 0o644 });
  assertEquals((await wrapper.run()).stdout, `${shard} ${wrapper.password} /var/cache/posemark`);
});

Deno.test("posemark-shard exits 2 and says why when it can't read the password's file", async () => {
  await using wrapper = await setUp();
  const named = await wrapper.run({
    POSEMARK_STORE_PASSWORD_FILE: `${wrapper.password}-elsewhere`,
  });
  assertEquals([named.code, named.stdout], [2, ""]);
  await Deno.writeTextFile(wrapper.password, "x", { mode: 0o000 });
  const { code, stdout, stderr } = await wrapper.run();
  assertEquals([code, stdout], [2, ""]);
  assertStringIncludes(stderr, wrapper.password);
  assertStringIncludes(stderr, "0640");
});
