// What the statement in a bundle says, verified with a public key: node verify.cjs BUNDLE KEY
// No transparency log, no timestamps. The key is found by the bundle's hint, as cosign computes it.
const { createHash, createPublicKey } = require("node:crypto");
const { readFileSync } = require("node:fs");
const { bundleFromJSON } = require("@sigstore/bundle");
const { toSignedEntity, toTrustMaterial, Verifier } = require("@sigstore/verify");

const [file, pem] = process.argv.slice(2).map((path) => readFileSync(path, "utf8"));
const rawBytes = createPublicKey(pem).export({ type: "spki", format: "der" });
const hint = createHash("sha256").update(rawBytes).digest("base64");
const nobody = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] };
const thresholds = { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 };
const bundle = bundleFromJSON(JSON.parse(file));
new Verifier(toTrustMaterial(nobody, { [hint]: { rawBytes } }), thresholds).verify(toSignedEntity(bundle));
process.stdout.write(bundle.content.dsseEnvelope.payload);
