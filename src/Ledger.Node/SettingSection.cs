using System.Collections;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Ledger.Actors.Storage;

namespace Ledger.Node;

/// <summary>A section of the configuration and the options that it is bound to.</summary>
internal sealed partial record SettingSection(string Prefix, object Target)
{
    /// <summary>The paths that the section may have.</summary>
    public IEnumerable<string> Keys() => Settable().Select(property => $"{Prefix}:{property.Name}");

    /// <summary>The paths with the types of their values.</summary>
    public IEnumerable<KeyValuePair<string, Type>> Types() => Settable()
        .Select(property => KeyValuePair.Create($"{Prefix}:{property.Name}", property.PropertyType));

    /// <summary>The paths whose values are lengths of time.</summary>
    public IEnumerable<string> Times() => Settable()
        .Where(
            static property =>
                (Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType) == typeof(TimeSpan))
        .Select(property => $"{Prefix}:{property.Name}");

    /// <summary>The paths with their values; secrets are masked.</summary>
    public IEnumerable<KeyValuePair<string, string>> Values()
    {
        foreach (var property in Target.GetType().GetProperties().Where(
            static property => !IsNoSetting(property.PropertyType)
                && property.PropertyType != typeof(LedgerClockOptions)
                && property.PropertyType != typeof(LedgerIndexOptions)))
        {
            var text = property.GetValue(Target) switch
            {
                null => "(none)",
                LedgerStorage storage => storage.Description,
                string value when property.Name.Contains("ConnectionString", StringComparison.Ordinal) => Mask(value),
                string value => value,
                IEnumerable values => string.Join(", ", values.Cast<object>()),
                IFormattable value => value.ToString(null, CultureInfo.InvariantCulture),
                var value => value.ToString() ?? "",
            };
            yield return new KeyValuePair<string, string>($"{Prefix}:{property.Name}", text);
        }
    }

    /// <summary>The path of an array's element becomes that of the array.</summary>
    public static string WithoutIndexes(string path) => ArrayIndex().Replace(path, "");

    /// <summary>Hides what a connection string keeps secret.</summary>
    public static string Mask(string connectionString) =>
        UrlPassword().Replace(Password().Replace(connectionString, "${before}***"), "${before}***@");

    // What the storage is follows from other settings.
    private IEnumerable<PropertyInfo> Settable() => Target.GetType().GetProperties().Where(
        static property => property.CanWrite
            && property.PropertyType != typeof(LedgerStorage) && !IsNoSetting(property.PropertyType));

    // What is given by code alone.
    private static bool IsNoSetting(Type type) => type == typeof(TimeProvider) || type == typeof(IMeterFactory);

    [GeneratedRegex(@":\d+$", RegexOptions.CultureInvariant)]
    private static partial Regex ArrayIndex();

    [GeneratedRegex(
        @"(?<before>(?:^|;)[^;=]*(?:password|pwd|secret|token)[^;=]*=)(?:""[^""]*""|'[^']*'|[^;]*)",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Password();

    [GeneratedRegex("(?<before>://[^:/@]*:)[^@]*@", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex UrlPassword();
}
