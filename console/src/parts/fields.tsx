import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface FieldProps {
  label: string;
  value: string;
  onInput: (value: string) => void;
  hint?: string;
  maxLength?: number;
  required?: boolean;
  first?: boolean;
  placeholder?: string;
  testId?: string;
}

export function TextField({ first = false, ...props }: FieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <input
        id={id}
        type="text"
        autocomplete="off"
        value={props.value}
        maxLength={props.maxLength}
        required={props.required}
        placeholder={props.placeholder}
        data-testid={props.testId}
        data-first={first || undefined}
        aria-describedby={props.hint === undefined ? undefined : `${id}-hint`}
        onInput={(event) => props.onInput(event.currentTarget.value)}
      />
      <Hint id={id} hint={props.hint} />
    </div>
  );
}

export function TextArea({ first = false, rows = 3, ...props }: FieldProps & { rows?: number }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <textarea
        id={id}
        rows={rows}
        value={props.value}
        maxLength={props.maxLength}
        required={props.required}
        placeholder={props.placeholder}
        data-testid={props.testId}
        data-first={first || undefined}
        aria-describedby={props.hint === undefined ? undefined : `${id}-hint`}
        onInput={(event) => props.onInput(event.currentTarget.value)}
      />
      <Hint id={id} hint={props.hint} />
    </div>
  );
}

function Hint({ id, hint }: { id: string; hint: string | undefined }) {
  if (hint === undefined) return null;
  return (
    <p id={`${id}-hint`} class="hint">
      {hint}
    </p>
  );
}

interface ChoiceProps<T extends string> {
  legend: string;
  options: readonly { value: T; label: string; note?: string; disabled?: boolean }[];
  value: T;
  onChange: (value: T) => void;
  columns?: boolean;
}

/** Radio buttons as tiles: arrows move, as everywhere. */
export function Choice<T extends string>({ legend, options, value, onChange, columns = true }: ChoiceProps<T>) {
  const name = useId();
  return (
    <fieldset class="field">
      <legend>{legend}</legend>
      <div class={columns ? "tiles columns" : "tiles"}>
        {options.map((option) => (
          <label key={option.value} class="tile">
            <input
              type="radio"
              name={name}
              value={option.value}
              checked={option.value === value}
              disabled={option.disabled}
              data-first={option.value === value || undefined}
              onChange={() => onChange(option.value)}
            />
            <span>
              {option.label}
              {option.note !== undefined && <small>{option.note}</small>}
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

export function Check(props: { checked: boolean; onChange: (on: boolean) => void; children: ComponentChildren }) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={props.checked}
        onChange={(event) => props.onChange(event.currentTarget.checked)}
      />
      <span>{props.children}</span>
    </label>
  );
}

interface SelectProps {
  label: string;
  value: string;
  options: readonly (readonly [value: string, label: string])[];
  onChange: (value: string) => void;
  testId?: string;
}

/** A select whose name is for screen readers only: its first option says it to everybody else. */
export function Select({ label, value, options, onChange, testId }: SelectProps) {
  return (
    <select
      class="select"
      aria-label={label}
      value={value}
      data-testid={testId}
      data-set={value === "" ? undefined : true}
      onChange={(event) => onChange(event.currentTarget.value)}
    >
      {options.map(([option, words]) => (
        <option key={option} value={option}>
          {words}
        </option>
      ))}
    </select>
  );
}
