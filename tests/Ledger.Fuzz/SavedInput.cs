using System.Text.Json;
using System.Text.Json.Serialization;
using Ledger.Fuzz.Inputs;
using Ledger.Fuzz.Judging;
using Ledger.Fuzz.Processes;

namespace Ledger.Fuzz;

/// <summary>An input in a file, with what it brought about, to be sent again.</summary>
/// <param name="World">What it was sent to.</param>
/// <param name="Kind">What it brought about.</param>
/// <param name="Detail">What exactly.</param>
/// <param name="IsAlone">Whether it does so alone, on a ledger of its own.</param>
/// <param name="Input">The input.</param>
internal sealed record SavedInput(WorldKind World, string Kind, string Detail, bool IsAlone, FuzzInput Input)
{
    private static readonly JsonSerializerOptions s_json = new()
    {
        WriteIndented = true, Converters = { new JsonStringEnumConverter() },
    };

    /// <summary>Writes it.</summary>
    public static void Write(string path, WorldKind world, Finding finding, FuzzInput input, bool isAlone) =>
        File.WriteAllText(
            path,
            JsonSerializer.Serialize(new SavedInput(world, finding.Kind, finding.Detail, isAlone, input), s_json));

    /// <summary>Reads it.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static SavedInput Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<SavedInput>(File.ReadAllText(path), s_json)
                ?? throw new FormatException($"{path} holds no input.");
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new FormatException($"{path} holds no input that can be read: {e.Message}", e);
        }
    }
}
