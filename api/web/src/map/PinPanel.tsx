/** What one can do with the pin of the chosen stop's home. */

import type { Language, Words } from "../shared/words";
import { metresBetween, type Pin } from "./pin";

interface Props {
  pin: Pin | null;
  saved: boolean;
  language: Language;
  words: Words;
  onOpen: () => void;
  onSave: () => void;
  onCancel: () => void;
}

export function PinPanel({ pin, saved, language, words, onOpen, onSave, onCancel }: Props) {
  if (pin === null) {
    return (
      <div className="pin-panel">
        <button type="button" onClick={onOpen}>
          {words.movePin}
        </button>
        <p role="status">{saved && words.pinSaved}</p>
      </div>
    );
  }
  const metres = Math.round(metresBetween(pin.from, pin.at));
  return (
    <div className="pin-panel">
      <p>{words.pinHint}</p>
      <p role="status">{words.pinMoved(new Intl.NumberFormat(language).format(metres))}</p>
      {pin.refused !== null && (
        <p className="notice" role="alert">
          {words.failed} {pin.refused}
        </p>
      )}
      <button type="button" disabled={pin.saving || metres === 0} onClick={onSave}>
        {pin.saving ? words.pinSaving : words.pinSave}
      </button>
      <button type="button" disabled={pin.saving} onClick={onCancel}>
        {words.pinCancel}
      </button>
    </div>
  );
}
