<?php
/**
 * Registers the module with Joomla's container.
 *
 * @license MIT
 */

defined('_JEXEC') or die;

use Joomla\CMS\Extension\Service\Provider\Module;
use Joomla\CMS\Extension\Service\Provider\ModuleDispatcherFactory;
use Joomla\DI\Container;
use Joomla\DI\ServiceProviderInterface;

return new class () implements ServiceProviderInterface {
    public function register(Container $container)
    {
        $container->registerServiceProvider(new ModuleDispatcherFactory('\\Igrajdanin\\Module\\Igrajdanin'));
        $container->registerServiceProvider(new Module());
    }
};
