namespace Ledger.Fuzz.Inputs;

/// <summary>A route of the JSON form, as the contract annotates it.</summary>
/// <param name="Verb">The HTTP method.</param>
/// <param name="Path">The path, with fields of the request in braces.</param>
/// <param name="Body">The field that is the body; <c>*</c> for all that is not in the path; empty for none.</param>
internal sealed record Route(string Verb, string Path, string Body);
