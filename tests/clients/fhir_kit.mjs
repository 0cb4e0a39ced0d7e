// fhir-kit-client: search with pages, create, read, update, conflict, booking, error.
import { Client } from "fhir-kit-client";

const { fhir, token, patient, appointment, stale } = JSON.parse(process.argv[2]);
const client = new Client({ baseUrl: fhir, bearerToken: token });

async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return { status: error.response?.status, outcome: error.response?.data };
  }
  return null;
}

const said = {};
let page = await client.search({ resourceType: "Slot", searchParams: { status: "free", _count: 7 } });
said.total = page.total;
const ids = [];
while (page) {
  ids.push(...(page.entry ?? []).map((entry) => entry.resource.id));
  page = await client.nextPage({ bundle: page });
}
said.slots = ids;

const made = await client.create({ resourceType: "Patient", body: patient });
const name = [{ ...made.name[0], family: "Muster" }];
said.updated = await client.update({ resourceType: "Patient", id: made.id, body: { ...made, name } });
said.first = await client.vread({ resourceType: "Patient", id: made.id, version: "1" });
said.history = await client.history({ resourceType: "Patient", id: made.id });
said.conflict = await refusal(
  client.update({ resourceType: "Patient", id: made.id, body: made, options: { headers: { "If-Match": stale } } }),
);
said.patched = await client.patch({
  resourceType: "Patient",
  id: made.id,
  jsonPatch: [{ op: "replace", path: "/gender", value: "other" }],
  options: { headers: { "Content-Type": "application/json-patch+json" } },
});

appointment.participant[0].actor.reference = `Patient/${made.id}`;
const book = () => client.operation({ resourceType: "Appointment", name: "book", input: appointment });
said.booked = await book();
said.refused = await refusal(book());
said.smart = await client.smartAuthMetadata().then(
  (found) => Object.keys(found),
  (error) => String(error),
);
console.log(JSON.stringify(said));
