<?php
/**
 * Reads the module's settings and hands the snippet's parts to the layout.
 *
 * @license MIT
 */

namespace Igrajdanin\Module\Igrajdanin\Site\Dispatcher;

defined('_JEXEC') or die;

use Joomla\CMS\Dispatcher\AbstractModuleDispatcher;
use Joomla\CMS\Document\HtmlDocument;

class Dispatcher extends AbstractModuleDispatcher
{
    private const CHOICES = [
        'type'  => ['extended', 'basic'],
        'view'  => ['button', 'inline', 'figures'],
        'theme' => ['auto', 'light', 'dark', 'contrast', 'contrast-black', 'contrast-blue'],
    ];

    /** @return array|false  False leaves the module out: without a code there is nothing to show. */
    protected function getLayoutData()
    {
        $data = parent::getLayoutData();
        $code = (string) $data['params']->get('code', '');

        if (!preg_match('~(https?://[^\s"\'<>]+?)/s/(wk_[A-Za-z0-9_-]+)(?:/report)?(?=[\s"\'<>]|$)~', $code, $found)) {
            return false;
        }

        [, $data['service'], $key] = $found;
        $data['link']       = $data['service'] . '/s/' . rawurlencode($key) . '/report';
        $data['attributes'] = ['site-key' => $key] + self::attributes($data['params']->toArray(), $code);
        $this->prepareDocument($data['service']);

        return $data;
    }

    /**
     * The settings win over the attributes of the pasted code. Values that the widget does not know are left out: nothing
     * of the code gets into the page as it is.
     */
    private static function attributes(array $settings, string $code): array
    {
        $pasted = [];

        if (preg_match('~<(?:igrajdanin-widget|div)\s[^>]*>~i', $code, $tag)) {
            preg_match_all('~\s(?:data-)?(type|view|theme|category|lang)\s*=\s*["\']?([\w-]*)~i', $tag[0], $found, PREG_SET_ORDER);
            $pasted = array_column($found, 2, 1);
        }

        $attributes = [];

        foreach (['type', 'view', 'theme', 'category', 'lang'] as $name) {
            $value = (string) (($settings[$name] ?? '') ?: ($pasted[$name] ?? ''));
            $known = isset(self::CHOICES[$name]) ? in_array($value, self::CHOICES[$name], true) : preg_match('/^[a-z][a-z0-9_-]*$/D', $value);

            if ($known) {
                $attributes[$name] = $value;
            }
        }

        return $attributes + ['type' => 'extended'];
    }

    /** The loader, its connection, and the rule that keeps room for the button, once however many modules there are. */
    private function prepareDocument(string $service): void
    {
        $document = $this->app->getDocument();

        if (!$document instanceof HtmlDocument) {
            return;
        }

        $document->addHeadLink($service, 'preconnect');
        $document->getWebAssetManager()
            ->registerAndUseStyle('mod_igrajdanin', 'mod_igrajdanin/widget.css')
            ->registerAndUseScript('mod_igrajdanin.loader', $service . '/w/1/loader.js', ['version' => false], ['async' => true]);
    }
}
