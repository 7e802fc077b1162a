import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { HarnessError } from "../../errors.ts";
import { forkError, isNewer, readCheckpoint } from "./checkpoint.ts";
import { bytesOf, checkpointOf, type FakeCheckpoint, zipOf } from "./testdata/checkpoints.ts";

function refusal(bytes: Uint8Array): string {
  const error = assertThrows(() => readCheckpoint(bytes, "best.pt"), HarnessError);
  assertEquals(error.code, "bad-model");
  return error.message;
}

const ofGlobals = (...globals: string[]): FakeCheckpoint => ({ globals });

Deno.test("readCheckpoint() reads who saved it, its task and its head's branches", () => {
  assertEquals(readCheckpoint(checkpointOf(), "best.pt"), {
    version: "8.3.5",
    task: "pose",
    isYolo26: false,
    hasOneToOne: false,
  });
  const yolo26 = {
    globals: ["ultralytics.nn.tasks PoseModel", "ultralytics.nn.modules.head Pose26"],
    version: "8.4.190",
    strings: ["cv2", "one2one_cv2"],
  };
  assertEquals(readCheckpoint(checkpointOf(yolo26), "best.pt"), {
    version: "8.4.190",
    task: "pose",
    isYolo26: true,
    hasOneToOne: true,
  });
});

Deno.test("readCheckpoint() tells YOLO26 for detection, whose class is Detect, from YOLOv10", () => {
  const of = (head: string) =>
    readCheckpoint(
      checkpointOf({
        globals: ["ultralytics.nn.tasks DetectionModel", `ultralytics.nn.modules.head ${head}`],
        version: null,
        strings: ["one2one_cv2"],
      }),
      "best.pt",
    );
  assertEquals(of("Detect"), { version: null, task: "detect", isYolo26: true, hasOneToOne: true });
  assertEquals(of("v10Detect").isYolo26, false);
});

Deno.test("readCheckpoint() accepts the module names of ultralytics 8.0", () => {
  const { task } = readCheckpoint(
    checkpointOf(
      ofGlobals(
        "ultralytics.nn.tasks DetectionModel",
        "ultralytics.nn.modules Detect",
        "ultralytics.yolo.utils IterableSimpleNamespace",
      ),
    ),
    "best.pt",
  );
  assertEquals(task, "detect");
});

Deno.test("readCheckpoint() names the task of a checkpoint for another one", () => {
  for (
    const [model, task] of [
      ["SegmentationModel", "segment"],
      ["OBBModel", "obb"],
      ["ClassificationModel", "classify"],
      ["RTDETRDetectionModel", "RT-DETR"],
    ]
  ) {
    const message = refusal(checkpointOf(ofGlobals(`ultralytics.nn.tasks ${model}`)));
    assertStringIncludes(message, task);
    assertStringIncludes(message, "expected a model for pose or detect");
  }
  assertStringIncludes(
    refusal(checkpointOf(ofGlobals("collections OrderedDict"))),
    "weights alone",
  );
});

Deno.test("readCheckpoint() names the modules of a fork, and a checkpoint of YOLOv5", () => {
  const pose = "ultralytics.nn.tasks PoseModel";
  for (const own of ["ultralytics.nn.extra_modules.block CBAM", "timm.models Swin", "__main__ X"]) {
    const message = refusal(checkpointOf(ofGlobals(pose, own)));
    assertStringIncludes(message, own.replace(" ", "."));
    assertStringIncludes(message, "yolo export");
  }
  // what a newer ultralytics has is not known here: its own environment tells
  const newer = { ...ofGlobals(pose, "ultralytics.nn.modules.mamba Mamba"), version: "8.5.0" };
  assertEquals(readCheckpoint(checkpointOf(newer), "best.pt").version, "8.5.0");
  assertStringIncludes(
    refusal(checkpointOf(ofGlobals("models.yolo Model", "models.common C3"))),
    "YOLOv5",
  );
});

Deno.test("readCheckpoint() says what a file is that is no checkpoint", () => {
  const whole = checkpointOf();
  assertStringIncludes(refusal(bytesOf()), "not a PyTorch checkpoint (0 bytes");
  assertStringIncludes(refusal(bytesOf("<html>")), "no zip archive");
  assertStringIncludes(refusal(whole.subarray(0, whole.length - 30)), "cut off");
  assertStringIncludes(
    refusal(bytesOf([0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9])),
    "before 1.6",
  );
  const pickle = bytesOf("}.");
  assertStringIncludes(
    refusal(zipOf({ "a/data.pkl": pickle, "a/constants.pkl": pickle })),
    "TorchScript",
  );
  assertStringIncludes(refusal(zipOf({ "word/document.xml": pickle })), "without data.pkl");
  assertStringIncludes(refusal(zipOf({ "a/data.pkl": bytesOf("?") })), "a/data.pkl can't be read");
});

Deno.test("isNewer() compares versions by their numbers", () => {
  assertEquals(isNewer("8.4.9", "8.3.203"), true);
  assertEquals(isNewer("8.3.10", "8.3.9"), true);
  assertEquals(isNewer("8.3.9", "8.3.9"), false);
  assertEquals(isNewer("8.0.0", "8.3.9"), false);
  assertEquals(isNewer("8.4.0rc1", "8.4.0"), false);
});

Deno.test("forkError() shows five of many classes", () => {
  const { message } = forkError("best.pt", [..."abcdefg"].map((name) => `x.${name}`));
  assertStringIncludes(message, "x.a, x.b, x.c, x.d, x.e and 2 more");
});
