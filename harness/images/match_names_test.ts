import { assertEquals } from "@std/assert";
import { matchNames } from "./match_names.ts";

Deno.test("matchNames() finds the file of a name as any tool writes it", () => {
  const files = ["sub/a b.jpg", "été.jpg", "IMG_1.JPG", "100%.png", "x/1.png", "y/1.png"];
  const cases: [string, string | null][] = [
    ["sub/a b.jpg", "sub/a b.jpg"],
    ["a b.jpg", "sub/a b.jpg"],
    ["/home/me/data/sub/a b.jpg", "sub/a b.jpg"],
    ["sub\\a b.jpg", "sub/a b.jpg"],
    ["sub/a%20b.jpg", "sub/a b.jpg"],
    ["https://host.example/bucket/sub/a%20b.jpg?sig=1/2&x=3", "sub/a b.jpg"],
    ["/data/local-files/?d=sub/a b.jpg", "sub/a b.jpg"],
    ["other/a b.jpg", "sub/a b.jpg"],
    ["été.jpg".normalize("NFD"), "été.jpg"],
    ["img_1.jpg", "IMG_1.JPG"],
    ["IMG_1.png", "IMG_1.JPG"],
    ["IMG_1", "IMG_1.JPG"],
    ["100%.png", "100%.png"],
    ["y/1.png", "y/1.png"],
    ["C:\\x\\1.png", "x/1.png"],
    ["1.png", null],
    ["z/1.png", null],
    ["2.png", null],
    ["", null],
  ];
  for (const [name, file] of cases) {
    const { fileOf: [found] } = matchNames([name], files);
    assertEquals(found === null ? null : files[found], file, name);
  }
});

Deno.test("matchNames() prefers a whole path in another case to a bare name in another folder", () => {
  assertEquals(matchNames(["a/IMG.jpg"], ["b/IMG.jpg", "a/img.jpg"]).fileOf, [1]);
});

Deno.test("matchNames() leaves names without a file that share their last part in other folders", () => {
  assertEquals(matchNames(["p/1.png", "q/1.png"], ["z/1.png"]).fileOf, [null, null]);
});

Deno.test("matchNames() tells differences that may be mistakes, with how often and one pair", () => {
  const { differences } = matchNames(["A.JPG", "B.JPG", "c.png", "k/d.png"], [
    ...["a.jpg", "b.jpg", "c.jpg", "m/d.png"],
  ]);
  assertEquals(differences, [
    { difference: "in upper and lower case", count: 2, name: "A.JPG", file: "a.jpg" },
    { difference: "in the extension", count: 1, name: "c.png", file: "c.jpg" },
    { difference: "in the folder", count: 1, name: "k/d.png", file: "m/d.png" },
  ]);
});
