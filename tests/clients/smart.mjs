// SMART's fhirclient for JavaScript, as a back end uses it without a launch.
import smart from "fhirclient";

const { fhir, token, patient, appointment } = JSON.parse(process.argv[2]);
// A back end that has a token brings it with every request.
class Signed extends smart.FhirClient {
  async getRequestDefaults() {
    return { headers: { Authorization: `Bearer ${token}` } };
  }
}
const client = new Signed(fhir);

async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return { status: error.status ?? error.response?.status, message: error.message };
  }
  return null;
}

const said = {};
const slots = await client.fhirRequest("Slot?status=free&_count=7");
said.total = slots.total;
const ids = slots.entry.map((entry) => entry.resource.id);
for (let next = nextOf(slots); next; ) {
  const page = await client.fhirRequest(next);
  ids.push(...(page.entry ?? []).map((entry) => entry.resource.id));
  next = nextOf(page);
}
said.slots = ids;

const made = await client.create(patient);
said.updated = await client.update({ ...made, name: [{ ...made.name[0], family: "Muster" }] });
said.conflict = await refusal(client.update(made, { headers: { "If-Match": 'W/"1"' } }));
said.patched = await client.patch(`Patient/${made.id}`, [{ op: "replace", path: "/gender", value: "other" }]);

appointment.participant[0].actor.reference = `Patient/${made.id}`;
const book = () =>
  client.fhirRequest("Appointment/$book", {
    method: "POST",
    body: JSON.stringify(appointment),
    headers: { "Content-Type": "application/fhir+json" },
  });
said.booked = await book();
said.refused = await refusal(book());
console.log(JSON.stringify(said));

function nextOf(bundle) {
  return bundle.link.find((link) => link.relation === "next")?.url;
}
