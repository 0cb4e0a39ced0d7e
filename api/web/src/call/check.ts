/** The first screen: camera and microphone are tried before anybody waits. */
import { button, make, showIn } from "./dom";
import { openDevices, playTone, watchLevel, type Devices } from "./media";
import type { Words } from "./words";

export function showCheck(
  into: HTMLElement,
  words: Words,
  goOnWords: string,
  found: Devices | null,
  done: (devices: Devices) => void,
): () => void {
  const status = make("p", { role: "status" });
  const trial = make("div", { class: "trial" });
  let stop = (): void => undefined;
  let isGone = false;

  const open = async (wantsCamera: boolean): Promise<void> => {
    status.textContent = words.opening;
    const devices = await openDevices(wantsCamera);
    if (isGone) {
      for (const track of devices.stream.getTracks()) track.stop();
      return;
    }
    status.textContent = "";
    show(devices);
  };

  const show = (devices: Devices): void => {
    const { stream, missing } = devices;
    const video = make("video", { muted: true, playsinline: true, class: "mirror", "aria-label": words.yourPicture });
    video.muted = true;
    const meter = make("meter", { min: "0", max: "1", value: "0", "aria-label": words.loudness });
    stop();
    stop = watchLevel(stream, (level) => {
      meter.value = level;
    });
    const notes = make("ul", { class: "notes" });
    if (missing.camera) notes.append(make("li", {}, `${words.noCamera} ${words.troubles[missing.camera]}`));
    if (missing.microphone) {
      notes.append(make("li", {}, `${words.noMicrophone} ${words.troubles[missing.microphone]}`));
    }
    const goOn = button(
      goOnWords,
      () => {
        stop();
        done(devices);
      },
      { class: "main-action" },
    );
    trial.replaceChildren();
    if (stream.getVideoTracks().length > 0) {
      trial.append(video);
      showIn(video, stream);
    }
    if (stream.getAudioTracks().length > 0) trial.append(make("p", {}, words.loudness), meter);
    if (notes.children.length > 0) trial.append(notes);
    trial.append(make("div", { class: "row" }, button(words.tone, () => void playTone()), goOn));
    goOn.focus();
  };

  into.replaceChildren(
    make("h1", {}, words.check),
    make("p", {}, words.checkWhy),
    make(
      "div",
      { class: "row" },
      button(words.checkNow, () => void open(true)),
      button(words.checkAudio, () => void open(false)),
    ),
    status,
    trial,
  );
  if (found) show(found);
  return () => {
    isGone = true;
    stop();
  };
}
