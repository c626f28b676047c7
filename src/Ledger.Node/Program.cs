using Ledger.Node;
using Ledger.Node.Edge;
using Ledger.Node.Security;

if (args is ["--help" or "-h" or "-?"])
{
    Console.WriteLine(NodeUsage.Text);
    return 0;
}

if (args.Contains("--version"))
{
    Console.WriteLine(NodeUsage.Version);
    return 0;
}

try
{
    if (args is [EpochCommand.Name, ..])
    {
        return EpochCommand.Run(args[1..], Console.Out);
    }

    if (args is [SchemaCommand.Name, ..])
    {
        return SchemaCommand.Run(args[1..], Console.Out);
    }

    if (args is [AccessCommand.KeyName, ..])
    {
        return AccessCommand.RunKey(args[1..], Console.Out, TimeProvider.System);
    }

    if (args is [AccessCommand.PolicyName, ..])
    {
        return AccessCommand.RunPolicy(args[1..], Console.Out);
    }

    if (args is [IndexCommand.Name, ..])
    {
        return await IndexCommand.RunAsync(args[1..], Console.Out);
    }

    if (args is [SettingsCommand.Name, ..])
    {
        return SettingsCommand.Run(args[1..], Console.Out);
    }

    OutOfMemory.EndsTheProcess();
    OpenFiles.RequireEnough();
    var settings = NodeSettings.Read(NodeConfiguration.Build(args));
    Console.WriteLine($"Ledger.Node {NodeUsage.Version}");
    Console.WriteLine(settings.Describe());
    if (NodeConfiguration.WarningOf(args) is { } warning)
    {
        Console.WriteLine(warning);
    }

    return await NodeHost.RunAsync(settings);
}
catch (Exception exception)
{
    // One line says what to fix; the stack trace is for those who ask for it.
    Console.Error.WriteLine("ledger: " + StartupErrors.Explain(exception));
    return 1;
}
