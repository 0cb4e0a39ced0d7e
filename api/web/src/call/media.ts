/** Camera and microphone of this device. */

export type Trouble = "denied" | "none" | "busy";

export const VIDEO: MediaTrackConstraints = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { max: 30 } };

export interface Devices {
  stream: MediaStream;
  /** What could not be had. */
  missing: { camera?: Trouble; microphone?: Trouble };
}

/** Ask for both; where one cannot be had, for the other alone. */
export async function openDevices(wantsCamera: boolean): Promise<Devices> {
  const audio = { echoCancellation: true, noiseSuppression: true };
  const missing: Devices["missing"] = {};
  if (wantsCamera) {
    try {
      return { stream: await navigator.mediaDevices.getUserMedia({ audio, video: VIDEO }), missing };
    } catch {
      // One of them is missing or refused: which one, the two questions below tell.
    }
  }
  const stream = new MediaStream();
  try {
    addAll(stream, await navigator.mediaDevices.getUserMedia({ audio }));
  } catch (error) {
    missing.microphone = troubleOf(error);
  }
  if (wantsCamera) {
    try {
      addAll(stream, await navigator.mediaDevices.getUserMedia({ video: VIDEO }));
    } catch (error) {
      missing.camera = troubleOf(error);
    }
  }
  return { stream, missing };
}

/** Call back about ten times a second with how loud it is, 0 to 1; returns how to stop. */
export function watchLevel(stream: MediaStream, tell: (level: number) => void): () => void {
  if (stream.getAudioTracks().length === 0) return () => undefined;
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 512;
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, each) => sum + each * each, 0) / samples.length;
    tell(Math.min(1, Math.sqrt(power) * 4));
  }, 100);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}

/** Play a short tone, so that people hear whether they hear. */
export async function playTone(): Promise<void> {
  const context = new AudioContext();
  const tone = context.createOscillator();
  const gain = context.createGain();
  gain.gain.setValueAtTime(0.2, context.currentTime);
  gain.gain.exponentialRampToValueAtTime(0.001, context.currentTime + 0.8);
  tone.frequency.value = 523;
  tone.connect(gain).connect(context.destination);
  tone.start();
  tone.stop(context.currentTime + 0.8);
  await new Promise((done) => {
    tone.addEventListener("ended", done);
  });
  await context.close();
}

function addAll(stream: MediaStream, from: MediaStream): void {
  for (const track of from.getTracks()) stream.addTrack(track);
}

function troubleOf(error: unknown): Trouble {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "denied";
  return name === "NotReadableError" ? "busy" : "none";
}
