namespace Ledger.StrictJson;

/// <summary>What is wrong with a JSON document.</summary>
/// <param name="Kind">Which sort of fault it is.</param>
/// <param name="Message">What is wrong, for people: the field, what was found and what is wanted.</param>
/// <param name="Field">The field at fault, with its full path in the names of the contract; one that does not exist as
/// it was written. Null when it is the document as a whole.</param>
internal readonly record struct JsonFault(JsonFaultKind Kind, string Message, string? Field);
