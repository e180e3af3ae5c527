import { useSignal } from "@preact/signals";
import { KeyCap } from "./buttons.tsx";
import { Icon } from "./icon.tsx";

interface SearchFormProps {
  label: string;
  value: string;
  maxLength: number;
  onSearch: (value: string) => void;
}

/** Searches on Enter and when the field is left or cleared. */
export function SearchForm({ label, value, maxLength, onSearch }: SearchFormProps) {
  const typed = useSignal(value);
  const search = () => onSearch(typed.value.trim());
  return (
    <search class="search">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          search();
        }}
      >
        <Icon name="search" />
        <input
          type="search"
          aria-label={label}
          placeholder={label}
          value={typed.value}
          maxLength={maxLength}
          data-search
          onInput={(event) => (typed.value = event.currentTarget.value)}
          onChange={search}
        />
        <KeyCap command="search" />
      </form>
    </search>
  );
}
