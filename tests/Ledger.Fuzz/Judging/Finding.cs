using Ledger.Fuzz.Inputs;

namespace Ledger.Fuzz.Judging;

/// <summary>Something that must not be.</summary>
/// <param name="Kind">Which sort of thing; two of one kind are taken for the same defect.</param>
/// <param name="Detail">What exactly.</param>
/// <param name="Input">What brought it about; null where no single input did.</param>
internal sealed record Finding(string Kind, string Detail, FuzzInput? Input);
