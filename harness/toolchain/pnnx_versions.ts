/**
 * The versions of pnnx that a package index has as wheels, by hash.
 *
 * @module
 */

/** The version that is used where none is named. */
export const PINNED_PNNX = "20261020";

/** What a wheel's name ends with, for each machine that there are wheels for. */
export const PNNX_PLATFORMS = {
  "linux-x86_64": "manylinux2014_x86_64.manylinux_2_17_x86_64",
  "linux-aarch64": "manylinux2014_aarch64.manylinux_2_17_aarch64",
  "darwin": "macosx_10_9_universal2.macosx_10_9_x86_64.macosx_11_0_arm64",
  "windows": "win_amd64",
} as const;
/** See {@linkcode PNNX_PLATFORMS}. */
export type PnnxPlatform = keyof typeof PNNX_PLATFORMS;

/** Returns the platform of a machine as Deno names it; null for one without wheels. */
export function pnnxPlatform(os: string, arch: string): PnnxPlatform | null {
  const name = os === "linux" ? `linux-${arch}` : os;
  return name in PNNX_PLATFORMS ? name as PnnxPlatform : null;
}

/** SHA-256 of the wheels by version and platform. */
export const PNNX_WHEELS: Record<string, Partial<Record<PnnxPlatform, string>>> = {
  "20240226": {
    "linux-x86_64": "bf10624dbae42f628713213f10dd32395493149beb0a1231baea8de513bc277c",
    "linux-aarch64": "6a1981d026845c4555b2e14cffcb4c54dbb0aa72945966616ae3e6e1f593866d",
  },
  "20240410": {
    "linux-x86_64": "98fbeb2942f3b05f72d2a3cdba5cc5277a1dd5008912001608b2a20e2e6a18e0",
    "linux-aarch64": "3a73c1bc266a0a36134b31bd46e48dea4f986f5fd22f1e467c325d7bdf6c1439",
  },
  "20240527": {
    "linux-x86_64": "2d32c498abbc729b0fc0d6cd99b6b67325991cb6fa14905c88cbba7b2cd15a98",
    "linux-aarch64": "d193c2074a68fc493beba3916b9581140a56b7ea6ce67960a45e24a6075d8791",
  },
  "20240603": {
    "linux-x86_64": "86473cb164ac9f2fac6668acb1415409dc945608d80948bd91081350e17e31e9",
    "linux-aarch64": "e531d312104772ad7970c9c9413a8ca114d64e8dbf8b39e2895a047c82d6c79b",
  },
  "20240715": {
    "linux-x86_64": "011b9c9f107dc94bdb0b4c3f97b0015e0b04baec52df3d414dbb30d2d5631d01",
    "linux-aarch64": "5c159217235be9f8507e9050277756b7687714f266d0b0c82418542fcb18c709",
  },
  "20240815": {
    "linux-x86_64": "52e12a1be1fd6470d6fa56151a47c42c44f4b9722baae095c2371ed25c68ee10",
    "linux-aarch64": "f6f4d08c55b55d5680cd78efd8b5fc6135a8393b1b8a47def54280607bcf8406",
  },
  "20240819": {
    "linux-x86_64": "b6ed203aaf90b72542565c4b09f7986345e90d4b93b2eff715cae3d908fc992f",
    "linux-aarch64": "bc02e5a329d0841df078c243ed30ec31e497dceb5fbaaaad7299687f84737f3c",
  },
  "20241223": {
    "linux-x86_64": "729ab9c0a30d2c059808452e086ce8edd8141244f7133ab8bd6eb3d9f2521d6b",
    "linux-aarch64": "2614e36704f92598ba9c675ecdbb78ebb3546ef56aa5d97b3c913c238ed2ecf7",
  },
  "20250403": {
    "linux-x86_64": "e5bdac22457952420131eef2dadc6ed6aaf81aa813460e88f6647eedc112c5b9",
    "linux-aarch64": "0fd7a35a50123a2a946fc3b1914080924e76cf1377bab893488a148d61418601",
  },
  "20250424": {
    "linux-x86_64": "7d2676ca222c416bf996b04eccb955689758b85343653f72b60f62fdaee8ced5",
    "linux-aarch64": "3ed047a392ed206d47ad4cb2e046d249bf12c609eef54591cc08751f8e38988d",
  },
  "20250427": {
    "linux-x86_64": "8e52db67fe20c181254d62ad53141b7ead9c79d7782a9394e943fbcbcdb10369",
    "linux-aarch64": "deb7397f767a54be98b5c6840fc5c428cd974657abd8102315fbe852e4b134ef",
  },
  "20250430": {
    "linux-x86_64": "fd5ef50c286ffd87ccc6b44783bf92d96a0324f1cde217e9e266616ac7068f40",
    "linux-aarch64": "1bfdd6d632f2fd13b2338116cdf2efac3dc7a6420da82d1cec5c6546d230add5",
  },
  "20250530": {
    "linux-x86_64": "99f20658091de43a786781efb2a7cec38b4f6d50a7eb38eb85661c42ffc3f3e6",
    "linux-aarch64": "f83a1fb7a7c5a64f690fd6db1cfcc327ff590d53e796c5197e205e7c0418cd50",
  },
  "20250725": {
    "linux-x86_64": "b9f323683ff516d430d281dceb4938cd8c0d1ac23b41e3dd23d5bdfd226ddf7c",
    "linux-aarch64": "b72c595ca843abec0b652dffe51ece56c9e00ba8712a9013fa92db2c993c6fa8",
  },
  "20250818": {
    "linux-x86_64": "0300a3546dcd78dd02468d8271ebf07cb7e2fa4e229200c1cbeb4ffd66b3da15",
    "linux-aarch64": "4ca4570b8c8cf64a3cd379bbdc2d1ef1d9a9ebbc1fdbfdb80d1a7ee2b75b7fcb",
  },
  "20250819": {
    "linux-x86_64": "87097b3d4a95166cd884c148b52d69db44e726fc5d23ec7235ff8ac0859756a4",
    "linux-aarch64": "882ff90936c617a99a751874b33379c0f0787ce2abb7f05c25aa6fd97d0174d2",
  },
  "20250912": {
    "linux-x86_64": "d4c4de08e91cc1e430e4e14c05a8f97ecf3571641c8411a4a18aa348f4d177fb",
    "linux-aarch64": "c66e918bd0d5b2eed776895bdbfe3f9431e8ab20cca89ea9a372d3904f425555",
  },
  "20250924": {
    "linux-x86_64": "e3a1f697f818a5686e369b2dcad2b460b1711426a43559c09d447e120b06cc93",
    "linux-aarch64": "3d74c57eb750c73706d442e98df93b0f479d48d117ea54d5acf1ea9cc2764da9",
  },
  "20250930": {
    "linux-x86_64": "3d155bf09f19d070a7d39ad3bd7b3739fbc1f8bc625f51a36b4a7ae8a8c0917d",
    "linux-aarch64": "2e473aa3e33df225b9bead0ca91d4a2d4d93a16f5eb830489dc783dbfb324b21",
  },
  "20251016": {
    "linux-x86_64": "be2ea4e57afe2f3d7fdef68390c1d14247f7ef085dd05d68c3b1a2a54ae7bfa1",
    "linux-aarch64": "70ab9723b05b9076d61a392dd19361d8950f7e3b99e1cace20da92a73a2d8dc9",
  },
  "20251023": {
    "linux-x86_64": "8f248afa6efd91546d54f7f6798a6fea246e80180dbe36e38fd925bfa258052c",
    "linux-aarch64": "b5522bac058dec44246eaabaa17cf683af6603e34c53eccf2a0f26b25f08729a",
  },
  "20251028": {
    "linux-x86_64": "f4d14209e3ddb4f668feb17d37c5e68001abe811256e9bafab7d666522c24e33",
    "linux-aarch64": "b2269101a38b0ad6f1ed1cf9b56516f797f3c4462ae306cd061857e3eadb1f74",
  },
  "20251031": {
    "linux-x86_64": "dee12e78a2c8235d862e59242e0e3754700412233cd9da28ebe17d07aece182d",
    "linux-aarch64": "3cd26fa329400f640ead40e5dee259c44caf9292d57cfcc7bc1b227165f5a1f9",
  },
  "20251112": {
    "linux-x86_64": "346262f6d487b5e687670b8eaba17430e710543a2979ee9f35559dc039789339",
    "linux-aarch64": "c1db2b2a17e005dc56203f724b51487298a0871109cc472cf5982ae5605a2a0f",
  },
  "20251119": {
    "linux-x86_64": "dc63442a0539e2e66b9287496a53d706b69f4bcea5d91511f9e9c6ad40e01161",
    "linux-aarch64": "1be37ea5ac8fab5af0481833fefd8cd5112a320754083c5da1ffcf3b03aee348",
  },
  "20260112": {
    "linux-x86_64": "702c1094074071bb508624ad883dc66fb9f0d267b8feb526a6d32b5bf6e9a385",
    "linux-aarch64": "b1af71894474e29bb54b005ff9e8617b98b7d98f2e205750863189fbeed241a7",
  },
  "20260409": {
    "linux-x86_64": "935c32c02c2252d6be4447caa996b703db8b0bdb4b0aae41afc88005744b65e2",
    "linux-aarch64": "1747b89b31ef3b7ef2a4dd368f1b173def44e73b14207b465a80b18295916d57",
  },
  "20260526": {
    "linux-x86_64": "9990d88b77c4fab8fa120fda40ba371c6237a4c5b1134a81e6f1162aa65177bf",
    "linux-aarch64": "5c5c72b9973752d175d2d9b3fb388a5f21eaa4fc4cafec36547b8f506c776446",
  },
  "20261020": {
    "linux-x86_64": "d50d921e5897293d616444191c1a2dc5366423c81bdb4bd22a985fe8071cf17c",
    "linux-aarch64": "13727adb291bf8061a4cc95c8b911ff2459b406144ad3c86e755b6e3f8953427",
    "darwin": "f4d60b7df5d1f7329f60cf75018ab4e25006db6d2299cf5ef8d56c051044660b",
    "windows": "cde5381cdebbef5d3e0e796e824ed02e2e1dfd075731921a3b3653514c518309",
  },
};
